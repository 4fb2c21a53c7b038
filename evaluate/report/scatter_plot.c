/* scatter_plot: draws a scatter; see scatter.h. */
#include "common/core/plural.h"
#include "common/plot/axes.h"
#include "evaluate/report/scatter.h"

enum {
    PLOT_WIDTH = 620,
    PLOT_HEIGHT = 480,
    LEGEND_MIN = 120,
    LEGEND_MAX = 400,         /* what is wider is cut off */
    ROW = 19,                 /* of the legend */
    SHOWN = 2 * CANVAS_SERIES /* classes with a distinct colour and shape */
};
static const double dot = 3, cross = 3.2, text_size = 11;

static guint classes_of(const Scatter *scatter)
{
    return scatter->comparison->classes;
}

static int label_at(const Scatter *scatter, guint i)
{
    return scatter->comparison->labels[scatter_image(scatter, i)];
}

static gboolean wrong_at(const Scatter *scatter, guint i)
{
    return scatter->best->predicted[scatter_image(scatter, i)] != label_at(scatter, i);
}

/* Classes with the most mistakes first, equals in order: only the first SHOWN are distinguishable. */
static guint *rank_classes(const Scatter *scatter)
{
    guint *order = g_new(guint, classes_of(scatter));
    g_autofree guint *mistakes = g_new0(guint, classes_of(scatter));
    for (guint i = 0; i < scatter->n; i++)
        mistakes[label_at(scatter, i)] += (guint)wrong_at(scatter, i);
    for (guint c = 0; c < classes_of(scatter); c++) {
        guint at = c;
        for (; at > 0 && mistakes[order[at - 1]] < mistakes[c]; at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
    return order;
}

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

static char *text_of_rest(const Scatter *scatter)
{
    return g_strdup_printf("%u %s with fewer mistakes", classes_of(scatter) - SHOWN,
                           plural(classes_of(scatter) - SHOWN, "class", "classes"));
}

static char *text_of_wrong(const Scatter *scatter)
{
    return g_strdup_printf("%s is wrong", scatter->best->name);
}

static double width_of(const Scatter *scatter)
{
    g_autofree guint *order = rank_classes(scatter);
    g_autofree char *wrong = text_of_wrong(scatter);
    g_autofree char *rest = classes_of(scatter) > SHOWN ? text_of_rest(scatter) : g_strdup("");
    double widest = MAX(canvas_text_width(NULL, text_size, FALSE, wrong),
                        canvas_text_width(NULL, text_size, FALSE, rest));
    for (guint r = 0; r < MIN(classes_of(scatter), SHOWN); r++)
        widest = MAX(widest, canvas_text_width(NULL, text_size, FALSE, scatter->comparison->names[order[r]]));
    return PLOT_WIDTH + CLAMP(widest + 36, LEGEND_MIN, LEGEND_MAX);
}

static void draw_entry(Canvas *canvas, AxesMark mark, double y, guint32 color, const char *text)
{
    const double x = PLOT_WIDTH + 8;
    axes_draw_mark(canvas, mark, x, y);
    canvas_text(canvas, x + 12, y, (CanvasFont){text_size, color, FALSE}, ALIGN_LEFT, 0, text);
}

/* All classes are shown, or SHOWN of them and the rest as one. */
static void draw_legend(Canvas *canvas, const Scatter *scatter, const guint *order)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    guint shown = MIN(classes_of(scatter), SHOWN);
    double y = 42;
    for (guint r = 0; r < shown; r++, y += ROW)
        draw_entry(canvas, mark_of(theme, r, 3.5), y, theme->ink, scatter->comparison->names[order[r]]);
    if (shown < classes_of(scatter)) {
        g_autofree char *rest = text_of_rest(scatter);
        draw_entry(canvas, mark_of(theme, SHOWN, 3.5), y, theme->soft, rest);
        y += ROW;
    }
    g_autofree char *wrong = text_of_wrong(scatter);
    draw_entry(canvas, (AxesMark){AXES_CROSS, cross, theme->ink}, y + ROW / 2.0, theme->ink, wrong);
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
    g_autofree guint *order = rank_classes(scatter);
    g_autofree char *x_label =
        g_strdup_printf("first component (%.1f %% of the variance)", 100 * scatter->shares[0]);
    g_autofree char *y_label = g_strdup_printf("second component (%.1f %%)", 100 * scatter->shares[1]);
    AxesOptions options = {
        .title = "Images by principal components", .x = {.label = x_label}, .y = {.label = y_label}};
    set_range(&options.x, scatter->xy, scatter->n);
    set_range(&options.y, scatter->xy + 1, scatter->n);
    g_autoptr(Axes) axes = axes_new(canvas, 0, 0, PLOT_WIDTH, PLOT_HEIGHT, &options);
    for (guint r = classes_of(scatter); r-- > 0;) /* the grey ones lie below */
        draw_class(axes, scatter, order[r], FALSE, mark_of(theme, r, dot));
    for (guint c = 0; c < classes_of(scatter); c++)
        draw_class(axes, scatter, c, TRUE, (AxesMark){AXES_CROSS, cross, theme->ink});
    draw_legend(canvas, scatter, order);
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
    if (classes_of(scatter) > SHOWN)
        g_string_append_printf(text, "; the %u classes with the most mistakes are coloured", SHOWN);
    g_string_append(text, ". Classes that overlap here may still be separable in the other directions.");
    return g_string_free(text, FALSE);
}
