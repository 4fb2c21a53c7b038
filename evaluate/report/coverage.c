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
            Interval interval = metrics_wilson(point->right, point->answered);
            g_string_append_printf(text, "from %.4f on (%.1f to %.1f), answering %.1f %% of the images\n",
                                   point->threshold, 100 * interval.low, 100 * interval.high,
                                   100.0 * point->answered / n);
        }
    }
}

/* ---- The figure ---- */

static void draw_model(Axes *axes, const Evaluation *evaluation, guint n, guint32 color)
{
    guint points = evaluation->coverage->len;
    g_autofree double *values = g_new(double, 4 * (gsize)points);
    double *share = values, *accuracy = values + points, *low = accuracy + points, *high = low + points;
    for (guint i = 0; i < points; i++) {
        const CoveragePoint *point = &g_array_index(evaluation->coverage, CoveragePoint, i);
        Interval interval = metrics_wilson(point->right, point->answered);
        share[i] = (double)point->answered / n;
        accuracy[i] = (double)point->right / point->answered;
        low[i] = interval.low;
        high[i] = interval.high;
    }
    axes_band(axes, share, low, high, points, color, NULL);
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
    for (guint j = 0, drawn = 0; j < comparison->evaluations->len; j++)
        if (comparison_model(comparison, j)->coverage)
            draw_model(axes, comparison_model(comparison, j), comparison_count(comparison),
                       theme->series[drawn++ % CANVAS_SERIES]);
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
