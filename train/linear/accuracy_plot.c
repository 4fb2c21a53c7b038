/* accuracy_plot: see accuracy_plot.h. */
#include "train/linear/accuracy_plot.h"

enum { WIDTH = 560, HEIGHT = 360 };

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const AccuracyPlot *plot = figure->of;
    const AxesPoint *points = plot->points;
    guint n = plot->n;
    double min = 1, max = 0;
    for (guint i = 0; i < n; i++)
        min = MIN(min, points[i].low), max = MAX(max, points[i].high);
    const CanvasTheme *theme = canvas_theme(canvas);
    AxesOptions options = {
        .title = plot->title,
        .x = {plot->x_label, points[0].x, n > 1 ? points[n - 1].x : points[0].x + 1, .log = TRUE},
        .y = {plot->y_label, min, MAX(max, min + 0.01), .nice = TRUE, .percent = TRUE}};
    g_autoptr(Axes) axes = axes_new(canvas, 0, 0, WIDTH, HEIGHT, &options);
    axes_band(axes, points, n, theme->series[0], plot->band);
    axes_line(axes, points, n, theme->series[0], FALSE, plot->line);
    axes_marks(axes, (AxesMark){AXES_DISC, 3, theme->series[0]}, points, n, NULL);
    if (plot->marked)
        axes_mark(axes, plot->mark, theme->soft, plot->marked);
}

gboolean accuracy_plot_write(const AccuracyPlot *plot, const char *path, GError **error)
{
    const CanvasFigure figure = {.width = WIDTH, .height = HEIGHT, .draw = draw, .of = plot};
    return canvas_write(figure, path, error);
}
