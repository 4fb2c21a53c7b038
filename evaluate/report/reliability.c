/* reliability: see reliability.h. */
#include "evaluate/report/reliability.h"

#include "common/plot/axes.h"
#include "common/plot/coverage.h"

enum { PANEL_WIDTH = 400, PANEL_HEIGHT = 387, PANELS_A_ROW = 3 };

/* The height of a bar is the accuracy in its bin, its darkness and the number at its foot the images in it. The diagonal
 * marks accuracy equal to confidence: above it a model is underconfident, below it overconfident. */
static void draw_panel(Canvas *canvas, const Evaluation *model, double x, double y)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    AxesPoint points[RELIABILITY_BINS];
    double max = 1;
    guint filled = 0;
    g_autofree char *title = g_strdup_printf("%s: calibration error %.1f %%", model->name,
                                             100 * metrics_calibration_error(model->bins, RELIABILITY_BINS));
    g_autoptr(Axes) axes = axes_new(canvas, x, y, PANEL_WIDTH, PANEL_HEIGHT,
                                    &(AxesOptions){.title = title,
                                                   .x = {"confidence", 0, 1, .percent = TRUE},
                                                   .y = {"accuracy", 0, 1, .percent = TRUE},
                                                   .square = TRUE});
    for (guint b = 0; b < RELIABILITY_BINS; b++)
        max = MAX(max, model->bins[b].count);
    for (guint b = 0; b < RELIABILITY_BINS; b++) {
        const ReliabilityBin *bin = &model->bins[b];
        if (!bin->count)
            continue;
        axes_bar(axes, (double)b / RELIABILITY_BINS, (b + 1.0) / RELIABILITY_BINS, 0, bin->accuracy,
                 theme->series[0], 0.12 + 0.5 * bin->count / max);
        points[filled++] = (AxesPoint){.x = bin->confidence, .y = bin->accuracy};
    }
    for (guint b = 0; b < RELIABILITY_BINS; b++) {
        g_autofree char *count = g_strdup_printf("%u", model->bins[b].count);
        if (model->bins[b].count)
            axes_text(axes, (b + 0.5) / RELIABILITY_BINS, 0, count);
    }
    axes_line(axes, (AxesPoint[]){{.x = 0, .y = 0}, {.x = 1, .y = 1}}, 2, theme->soft, TRUE,
              "confidence = accuracy");
    axes_line(axes, points, filled, theme->series[0], FALSE, NULL);
    axes_marks(axes, (AxesMark){AXES_DISC, 3, theme->series[0]}, points, filled, "accuracy in the bin");
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    Evaluation *const *models = figure->of;
    guint drawn = 0;
    for (guint m = 0; m < figure->n; m++)
        if (models[m]->probabilities) {
            draw_panel(canvas, models[m], drawn % PANELS_A_ROW * PANEL_WIDTH,
                       drawn / PANELS_A_ROW * PANEL_HEIGHT);
            drawn++;
        }
}

CanvasFigure reliability_figure(Evaluation *const *models, guint n)
{
    guint drawn = 0;
    for (guint m = 0; m < n; m++)
        drawn += models[m]->probabilities != NULL;
    guint rows = (drawn + PANELS_A_ROW - 1) / PANELS_A_ROW;
    return (CanvasFigure){.width = MIN(drawn, PANELS_A_ROW) * (double)PANEL_WIDTH,
                          .height = rows * (double)PANEL_HEIGHT,
                          .draw = draw,
                          .of = models,
                          .n = n,
                          .refusal = drawn ? NULL : coverage_refusal};
}
