/* curves: see curves.h. */
#include "common/plot/curves.h"

#include "common/plot/axes.h"

#include <math.h>

enum { PANEL_WIDTH = 460, PANEL_HEIGHT = 330, TITLE = 34, MARKED = 40 /* epochs at most */ };

typedef struct {
    guint n;
    double *epoch, *training, *validation;
} Curve;

static Curve curve_new(const History *history, gboolean accuracy)
{
    guint n = history->epochs->len;
    Curve curve = {n, g_new(double, n), g_new(double, n), g_new(double, n)};
    for (guint i = 0; i < n; i++) {
        const EpochMetrics *e = history_epoch(history, (int)i + 1);
        curve.epoch[i] = i + 1;
        curve.training[i] = accuracy ? e->accuracy : e->loss;
        curve.validation[i] = accuracy ? e->val_accuracy : e->val_loss;
    }
    return curve;
}

static void curve_clear(Curve *curve)
{
    g_free(curve->epoch);
    g_free(curve->training);
    g_free(curve->validation);
}

static double largest(const Curve *curve)
{
    double max = 0;
    for (guint i = 0; i < curve->n; i++) {
        max = MAX(max, curve->training[i]);
        if (isfinite(curve->validation[i]))
            max = MAX(max, curve->validation[i]);
    }
    return max;
}

static void draw_panel(Canvas *canvas, const History *history, gboolean accuracy, double x, double y)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    Curve curve = curve_new(history, accuracy);
    g_autoptr(Axes) axes = axes_new(
        canvas, x, y, PANEL_WIDTH, PANEL_HEIGHT,
        &(AxesOptions){
            .title = accuracy ? "Accuracy" : "Loss",
            .x = {"epoch", 0.5, curve.n + 0.5, .whole = TRUE},
            .y = {.to = accuracy ? 1 : MAX(1e-6, largest(&curve)), .nice = !accuracy, .percent = accuracy}});
    static const char *const labels[] = {"training", "validation"};
    const double *const series[] = {curve.training, curve.validation};
    guint shown = curve.n && !isnan(curve.validation[0]) ? 2 : 1;
    for (guint s = 0; s < shown; s++)
        axes_line(axes, curve.epoch, series[s], curve.n, theme->series[s], FALSE, labels[s]);
    for (guint s = 0; s < shown && curve.n <= MARKED; s++)
        axes_marks(axes, (AxesMark){AXES_DISC, 2.2, theme->series[s]}, curve.epoch, series[s], curve.n, NULL);
    if (history->best) {
        g_autofree char *label = g_strdup_printf("best epoch (%d)", history->best);
        axes_mark(axes, history->best, theme->soft, label);
    }
    curve_clear(&curve);
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
