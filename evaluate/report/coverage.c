/* coverage: see coverage.h. */
#include "evaluate/report/coverage.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/model/calibration.h"
#include "common/plot/axes.h"

#include <math.h>

enum { WIDTH = 560, HEIGHT = 420 };

const double coverage_targets[COVERAGE_TARGETS] = {0.9, 0.95, 0.99};

void coverage_text(GString *text, const Comparison *comparison)
{
    guint n = comparison_count(comparison);
    g_string_append(text, "\nAnswering only what is sure (95 % interval of what is right)\n");
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        g_autofree char *name = cli_printable(evaluation->name);
        if (!evaluation->coverage) {
            g_autofree char *remedy = cli_commands("train --folds 5 calibrates a linear head");
            g_string_append_printf(text, "%s gives no probabilities: %s\n", name, remedy);
        }
        for (guint t = 0; evaluation->coverage && t < COVERAGE_TARGETS; t++) {
            const CoveragePoint *point = calibration_accept(evaluation->coverage, coverage_targets[t]);
            g_string_append_printf(text, "%s  %2.0f %% right ", name, 100 * coverage_targets[t]);
            if (!point) {
                g_string_append(text, "at no probability\n");
                continue;
            }
            Interval interval = comparison_answered(comparison, evaluation, point->threshold);
            g_string_append_printf(text, "from %.4f on (%.1f to %.1f), answering %.1f %% of the images\n",
                                   point->threshold, 100 * interval.low, 100 * interval.high,
                                   100.0 * point->answered / n);
        }
    }
}

/* ---- The figure ---- */

/* The interval at BAND of the points at most, as one over groups takes a while. */
static void draw_band(Axes *axes, const Comparison *comparison, const Evaluation *evaluation, guint32 color)
{
    enum { BAND = 64 };
    double share[BAND], low[BAND], high[BAND];
    guint points = evaluation->coverage->len, drawn = MIN(points, BAND);
    for (guint i = 0; i < drawn; i++) {
        guint at = drawn == 1 ? 0 : (guint)((guint64)i * (points - 1) / (drawn - 1));
        const CoveragePoint *point = &g_array_index(evaluation->coverage, CoveragePoint, at);
        Interval interval = comparison_answered(comparison, evaluation, point->threshold);
        share[i] = (double)point->answered / comparison_count(comparison);
        low[i] = interval.low;
        high[i] = interval.high;
    }
    axes_band(axes, share, low, high, drawn, color, NULL);
}

static void draw_line(Axes *axes, const Comparison *comparison, const Evaluation *evaluation, guint32 color)
{
    guint points = evaluation->coverage->len;
    g_autofree double *share = g_new(double, points), *accuracy = g_new(double, points);
    for (guint i = 0; i < points; i++) {
        const CoveragePoint *point = &g_array_index(evaluation->coverage, CoveragePoint, i);
        share[i] = (double)point->answered / comparison_count(comparison);
        accuracy[i] = (double)point->right / point->answered;
    }
    axes_line(axes, share, accuracy, points, color, FALSE, evaluation->name);
}

static void draw(Canvas *canvas, const Comparison *comparison)
{
    const CanvasTheme *theme = canvas_theme(canvas);
    double lowest = 1;
    for (guint j = 0; j < comparison->evaluations->len; j++)
        lowest = fmin(lowest, comparison_model(comparison, j)->interval.low);
    g_autoptr(Axes) axes = axes_new(canvas, 0, 0, WIDTH, HEIGHT,
                                    &(AxesOptions){.title = "Right, of the images answered",
                                                   .x_label = "images answered, the surest first",
                                                   .y_label = "accuracy, with its 95 % interval",
                                                   .x_to = 1,
                                                   .y_from = lowest,
                                                   .y_to = 1,
                                                   .y_nice = TRUE,
                                                   .x_percent = TRUE,
                                                   .y_percent = TRUE});
    for (guint j = 0, drawn = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        if (!evaluation->coverage)
            continue;
        guint32 color = theme->series[drawn++ % CANVAS_SERIES];
        draw_band(axes, comparison, evaluation, color);
        draw_line(axes, comparison, evaluation, color);
    }
}

gboolean coverage_write(const Comparison *comparison, const char *path, GError **error)
{
    guint drawn = 0;
    for (guint j = 0; j < comparison->evaluations->len; j++)
        drawn += comparison_model(comparison, j)->coverage != NULL;
    if (!drawn)
        return error_set(
            error,
            "%s: not drawn, as no model yields probabilities; train --folds 5 calibrates a linear head",
            path);
    Canvas *canvas = canvas_new(path, WIDTH, HEIGHT, error);
    if (!canvas)
        return FALSE;
    draw(canvas, comparison);
    return canvas_finish(canvas, error);
}
