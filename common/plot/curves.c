/* curves: see curves.h. */
#include "common/plot/curves.h"

#include "common/plot/axes.h"

#include <math.h>

enum { PANEL_WIDTH = 460, PANEL_HEIGHT = 330, TITLE = 34, MARKED = 40 /* epochs at most */ };

static double value_of(const EpochMetrics *epoch, gboolean accuracy, gboolean validation)
{
    return validation ? (accuracy ? epoch->val_accuracy : epoch->val_loss)
                      : (accuracy ? epoch->accuracy : epoch->loss);
}

/* points (epochs). Returns the largest value. */
static double take_points(const History *history, gboolean accuracy, gboolean validation, AxesPoint *points)
{
    double largest = 0;
    for (guint i = 0; i < history->epochs->len; i++) {
        points[i] =
            (AxesPoint){.x = i + 1, .y = value_of(history_epoch(history, (int)i + 1), accuracy, validation)};
        if (isfinite(points[i].y) || !validation)
            largest = MAX(largest, points[i].y);
    }
    return largest;
}

static void draw_panel(Canvas *canvas, const History *history, gboolean accuracy, double x, double y)
{
    static const char *const labels[] = {"training", "validation"};
    const CanvasTheme *theme = canvas_theme(canvas);
    guint n = history->epochs->len;
    g_autofree AxesPoint *training = g_new(AxesPoint, n), *validation = g_new(AxesPoint, n);
    const AxesPoint *const series[] = {training, validation};
    double of_training = take_points(history, accuracy, FALSE, training),
           of_validation = take_points(history, accuracy, TRUE, validation),
           largest = MAX(of_training, of_validation);
    g_autoptr(Axes) axes =
        axes_new(canvas, x, y, PANEL_WIDTH, PANEL_HEIGHT,
                 &(AxesOptions){
                     .title = accuracy ? "Accuracy" : "Loss",
                     .x = {"epoch", 0.5, n + 0.5, .whole = TRUE},
                     .y = {.to = accuracy ? 1 : MAX(1e-6, largest), .nice = !accuracy, .percent = accuracy}});
    guint shown = n && !isnan(validation[0].y) ? 2 : 1;
    for (guint s = 0; s < shown; s++)
        axes_line(axes, series[s], n, theme->series[s], FALSE, labels[s]);
    for (guint s = 0; s < shown && n <= MARKED; s++)
        axes_marks(axes, (AxesMark){AXES_DISC, 2.2, theme->series[s]}, series[s], n, NULL);
    if (history->best) {
        g_autofree char *label = g_strdup_printf("best epoch (%d)", history->best);
        axes_mark(axes, history->best, theme->soft, label);
    }
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Curves *curves = figure->of;
    double top = curves->title ? TITLE : 0;
    if (curves->title)
        canvas_text(canvas, PANEL_WIDTH, TITLE / 2.0 + 2, (CanvasFont){15, canvas_theme(canvas)->ink, TRUE},
                    ALIGN_CENTER, 0, curves->title);
    draw_panel(canvas, curves->history, FALSE, 0, top);
    draw_panel(canvas, curves->history, TRUE, PANEL_WIDTH, top);
}

CanvasFigure curves_figure(const Curves *curves)
{
    return (CanvasFigure){.width = 2 * PANEL_WIDTH,
                          .height = PANEL_HEIGHT + (curves->title ? TITLE : 0),
                          .draw = draw,
                          .of = curves};
}
