/* scatter: see scatter.h. */
#include "evaluate/report/scatter.h"

#include "common/arithmetic/components.h"
#include "common/cache/cache.h"
#include "common/core/plural.h"
#include "common/plot/axes.h"

enum {
    PLOT_WIDTH = 620,
    PLOT_HEIGHT = 480,
    LEGEND_MIN = 120,
    LEGEND_MAX = 400,          /* what is wider is cut off */
    ROW = 19,                  /* of the legend */
    SHOWN = 2 * CANVAS_SERIES, /* classes with a distinct colour and shape */
    MAX_IMAGES = 1500,         /* of more, so many are taken at even distances */
};
static const double dot = 3, cross = 3.2, text_size = 11;

static int label_at(const Scatter *scatter, guint i)
{
    return scatter->comparison->labels[scatter->images[i]];
}

static gboolean wrong_at(const Scatter *scatter, guint i)
{
    return !scatter->best->is_right[scatter->images[i]];
}

static void rank_classes(Scatter *scatter)
{
    guint classes = scatter->comparison->classes, *order = scatter->order;
    g_autofree guint *mistakes = g_new0(guint, classes);
    for (guint i = 0; i < scatter->n; i++)
        mistakes[label_at(scatter, i)] += (guint)wrong_at(scatter, i);
    for (guint c = 0; c < classes; c++) {
        guint at = c;
        for (; at > 0 && mistakes[order[at - 1]] < mistakes[c]; at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
}

static gboolean find_coordinates(Scatter *scatter, GError **error)
{
    Cache *cache = scatter->comparison->images->cache;
    g_autofree float *buffer = g_new(float, feature_spec_features(cache->spec));
    for (guint i = 0; i < scatter->n; i++)
        if (!cache_features(cache, scatter->images[i], buffer, error)) /* which verifies its checksum */
            return FALSE;
    const Rows rows_of_all = cache_rows(cache);
    const RowsChoice shown = {&rows_of_all, scatter->images};
    const Rows rows = rows_choose(&shown, scatter->n);
    return principal_components(&rows, 2, scatter->comparison->thread_pool, scatter->xy, scatter->shares,
                                error);
}

/* Its entries: the classes, or SHOWN of them and the rest as one, then the mistakes. */
static GPtrArray *legend_of(const Scatter *scatter)
{
    guint classes = scatter->comparison->classes, left = classes - MIN(classes, SHOWN);
    GPtrArray *legend = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < classes - left; i++)
        g_ptr_array_add(legend, g_strdup(scatter->comparison->names[scatter->order[i]]));
    if (left)
        g_ptr_array_add(legend,
                        g_strdup_printf("%u %s with fewer mistakes", left, plural(left, "class", "classes")));
    g_ptr_array_add(legend, g_strdup_printf("%s is wrong", scatter->best->name));
    return legend;
}

Scatter *scatter_new(const Comparison *comparison, GError **error)
{
    guint n = MIN(comparison->n, MAX_IMAGES);
    g_autoptr(Scatter) scatter = g_new(Scatter, 1);
    *scatter = (Scatter){.comparison = comparison,
                         .best = comparison->verdict.best,
                         .n = n,
                         .images = g_new(guint, n),
                         .xy = g_new(double, 2 * n),
                         .order = g_new(guint, comparison->classes)};
    for (guint i = 0; i < n; i++)
        scatter->images[i] = (guint)((guint64)i * comparison->n / n);
    rank_classes(scatter);
    scatter->legend = legend_of(scatter);
    return find_coordinates(scatter, error) ? g_steal_pointer(&scatter) : NULL;
}

void scatter_free(Scatter *scatter)
{
    if (!scatter)
        return;
    g_free(scatter->images);
    g_free(scatter->xy);
    g_free(scatter->order);
    g_clear_pointer(&scatter->legend, g_ptr_array_unref);
    g_free(scatter);
}

/* ---- Drawing ---- */

/* The images of one class, all of them or those that are wrong, as marks. */
static void draw_class(Axes *axes, const Scatter *scatter, guint label, gboolean wrong_only, AxesMark mark)
{
    for (guint i = 0; i < scatter->n; i++)
        if (label_at(scatter, i) == (int)label && (wrong_at(scatter, i) || !wrong_only))
            axes_marks(axes, mark, &(AxesPoint){.x = scatter->xy[2 * i], .y = scatter->xy[2 * i + 1]}, 1,
                       NULL);
}

static AxesMark mark_of(const CanvasTheme *theme, guint rank, double radius)
{
    if (rank >= SHOWN)
        return (AxesMark){AXES_DISC, radius, theme->faint};
    return (AxesMark){rank < CANVAS_SERIES ? AXES_DISC : AXES_DIAMOND, radius,
                      theme->series[rank % CANVAS_SERIES]};
}

static double width_of(const Scatter *scatter)
{
    double widest = 0;
    for (guint i = 0; i < scatter->legend->len; i++)
        widest = MAX(widest, canvas_text_width(NULL, text_size, FALSE, scatter->legend->pdata[i]));
    return PLOT_WIDTH + CLAMP(widest + 36, LEGEND_MIN, LEGEND_MAX);
}

static void draw_legend(Canvas *canvas, const Scatter *scatter)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    const double x = PLOT_WIDTH + 8;
    guint n = scatter->legend->len;
    for (guint i = 0; i < n; i++) {
        gboolean last = i + 1 == n;
        double y = 42 + i * (double)ROW + (last ? ROW / 2.0 : 0);
        axes_draw_mark(canvas, last ? (AxesMark){AXES_CROSS, cross, theme->ink} : mark_of(theme, i, 3.5), x,
                       y);
        canvas_text(canvas, x + 12, y,
                    (CanvasFont){text_size, i == SHOWN && !last ? theme->soft : theme->ink, FALSE},
                    ALIGN_LEFT, 0, scatter->legend->pdata[i]);
    }
}

/* Of every second number, widened a little. */
static void set_range(AxisOptions *axis, const double *values, guint n)
{
    axis->from = axis->to = values[0];
    for (guint i = 1; i < n; i++) {
        axis->from = MIN(axis->from, values[2 * i]);
        axis->to = MAX(axis->to, values[2 * i]);
    }
    double margin = axis->to > axis->from ? 0.03 * (axis->to - axis->from) : 1;
    axis->from -= margin;
    axis->to += margin;
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Scatter *scatter = figure->of;
    const CanvasTheme *theme = canvas_theme(canvas);
    g_autofree char *x_label =
        g_strdup_printf("first component (%.1f %% of the variance)", 100 * scatter->shares[0]);
    g_autofree char *y_label = g_strdup_printf("second component (%.1f %%)", 100 * scatter->shares[1]);
    AxesOptions options = {
        .title = "Images by principal components", .x = {.label = x_label}, .y = {.label = y_label}};
    set_range(&options.x, scatter->xy, scatter->n);
    set_range(&options.y, scatter->xy + 1, scatter->n);
    g_autoptr(Axes) axes = axes_new(canvas, 0, 0, PLOT_WIDTH, PLOT_HEIGHT, &options);
    for (guint r = scatter->comparison->classes; r-- > 0;) /* the grey ones lie below */
        draw_class(axes, scatter, scatter->order[r], FALSE, mark_of(theme, r, dot));
    for (guint c = 0; c < scatter->comparison->classes; c++)
        draw_class(axes, scatter, c, TRUE, (AxesMark){AXES_CROSS, cross, theme->ink});
    draw_legend(canvas, scatter);
}

CanvasFigure scatter_figure(const Scatter *scatter)
{
    return (CanvasFigure){.width = width_of(scatter), .height = PLOT_HEIGHT, .draw = draw, .of = scatter};
}

char *scatter_caption(const Scatter *scatter)
{
    GString *text = g_string_new(NULL);
    if (scatter->n < scatter->comparison->n)
        g_string_append_printf(text, "%u of the %u images, evenly spaced,", scatter->n,
                               scatter->comparison->n);
    else
        g_string_append_printf(text, "The %u images", scatter->n);
    g_string_append_printf(text,
                           " by the two directions in which their features vary most (%.1f %% of the "
                           "variance). Crosses mark the images that %s misclassifies",
                           100 * (scatter->shares[0] + scatter->shares[1]), scatter->best->name);
    if (scatter->comparison->classes > SHOWN)
        g_string_append_printf(text, "; the %u classes with the most mistakes are coloured", SHOWN);
    g_string_append(text, ". Classes that overlap here may still be separable in the other directions.");
    return g_string_free(text, FALSE);
}
