/* growth_plot FILE.csv PLOT: plots the results of bench_growth.py on logarithmic axes: milliseconds per image and
 * megabytes over the number of images, a line for each operation. Lines of the CSV: operation,images,milliseconds,MB. */
#include "common/core/csv.h"
#include "common/plot/axes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 32, WIDTH = 520, HEIGHT = 420 };

typedef struct {
    char *operation;
    guint n;
    AxesPoint points[2][MAX_POINTS]; /* milliseconds, MB over images */
} Series;

static void stop(const char *sentence)
{
    fprintf(stderr, "growth_plot: %s\n", sentence);
    exit(1);
}

static void series_free(gpointer data)
{
    Series *series = data;
    g_free(series->operation);
    g_free(series);
}

static Series *series_of(GPtrArray *all, const char *operation)
{
    for (guint i = 0; i < all->len; i++)
        if (g_str_equal(((Series *)all->pdata[i])->operation, operation))
            return all->pdata[i];
    Series *series = g_new0(Series, 1);
    series->operation = g_strdup(operation);
    g_ptr_array_add(all, series);
    return series;
}

static GPtrArray *read_series(const char *path)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(series_free);
    if (!g_file_get_contents(path, &content, NULL, &error))
        stop(error->message);
    const char *text = content;
    for (gboolean header = TRUE;; header = FALSE) {
        g_autoptr(GPtrArray) fields = csv_read(&text, &error);
        if (!fields || fields->len != 4)
            break;
        Series *series = header ? NULL : series_of(all, fields->pdata[0]);
        if (!series || series->n == MAX_POINTS)
            continue;
        for (int which = 0; which < 2; which++)
            series->points[which][series->n] =
                (AxesPoint){.x = g_ascii_strtod(fields->pdata[1], NULL),
                            .y = g_ascii_strtod(fields->pdata[2 + which], NULL)};
        series->n++;
    }
    return g_steal_pointer(&all);
}

/* The range of x (which: -1) or of a y over all series. */
static void range(const GPtrArray *all, int which, double *from, double *to)
{
    *from = 1e300, *to = 0;
    for (guint i = 0; i < all->len; i++) {
        const Series *series = all->pdata[i];
        for (guint p = 0; p < series->n; p++) {
            double value = which < 0 ? series->points[0][p].x : series->points[which][p].y;
            *from = MIN(*from, value), *to = MAX(*to, value);
        }
    }
}

static void draw_panel(Canvas *canvas, const GPtrArray *all, int which)
{
    static const char *const titles[] = {"Time", "Memory of its own, at the peak"};
    static const char *const units[] = {"milliseconds an image", "MB"};
    const CanvasTheme *theme = canvas_theme(canvas);
    AxesOptions options = {
        .title = titles[which], .x = {"images", .log = TRUE}, .y = {units[which], .log = TRUE}};
    range(all, -1, &options.x.from, &options.x.to);
    range(all, which, &options.y.from, &options.y.to);
    g_autoptr(Axes) axes = axes_new(canvas, which * WIDTH, 0, WIDTH, HEIGHT, &options);
    for (guint i = 0; i < all->len; i++) {
        const Series *series = all->pdata[i];
        guint32 color = theme->series[i % CANVAS_SERIES];
        /* One legend for both, where the lines leave space for it. */
        axes_line(axes, series->points[which], series->n, color, i >= CANVAS_SERIES,
                  which == 0 ? series->operation : NULL);
        axes_marks(axes, (AxesMark){AXES_DISC, 2.5, color}, series->points[which], series->n, NULL);
    }
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    draw_panel(canvas, figure->of, 0);
    draw_panel(canvas, figure->of, 1);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    if (argc != 3)
        stop("usage: growth_plot FILE.csv PLOT");
    g_autoptr(GPtrArray) all = read_series(argv[1]);
    if (!all->len)
        stop("FILE.csv holds no measurement");
    const CanvasFigure figure = {.width = 2 * WIDTH, .height = HEIGHT, .draw = draw, .of = all};
    if (!canvas_write(figure, argv[2], &error))
        stop(error->message);
    return 0;
}
