/* accuracy_plot: see accuracy_plot.h. */
#include "train/linear/accuracy_plot.h"

#include "common/plot/axes.h"

enum { WIDTH = 560, HEIGHT = 360 };

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const AccuracyPlot *plot = figure->of;
    const AccuracyPoint *points = plot->points;
    guint n = plot->n;
    g_autofree double *x = g_new(double, n), *mean = g_new(double, n), *low = g_new(double, n),
                      *high = g_new(double, n);
    double min = 1, max = 0;
    for (guint i = 0; i < n; i++) {
        x[i] = points[i].x, mean[i] = points[i].accuracy, low[i] = points[i].low, high[i] = points[i].high;
        min = MIN(min, low[i]), max = MAX(max, high[i]);
    }
    const CanvasTheme *theme = canvas_theme(canvas);
    AxesOptions options = {.title = plot->title,
                           .x = {plot->x_label, x[0], n > 1 ? x[n - 1] : x[0] + 1, .log = TRUE},
                           .y = {plot->y_label, min, MAX(max, min + 0.01), .nice = TRUE, .percent = TRUE}};
    g_autoptr(Axes) axes = axes_new(canvas, 0, 0, WIDTH, HEIGHT, &options);
    axes_band(axes, x, low, high, n, theme->series[0], plot->band);
    axes_line(axes, x, mean, n, theme->series[0], FALSE, plot->line);
    axes_marks(axes, (AxesMark){AXES_DISC, 3, theme->series[0]}, x, mean, n, NULL);
    if (plot->marked)
        axes_mark(axes, plot->mark, theme->soft, plot->marked);
}

CanvasFigure accuracy_figure(const AccuracyPlot *plot)
{
    return (CanvasFigure){.width = WIDTH, .height = HEIGHT, .draw = draw, .of = plot};
}
