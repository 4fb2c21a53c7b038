/* coverage: see coverage.h. */
#include "common/plot/coverage.h"

#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/network/scores.h"
#include "common/plot/axes.h"

#include <math.h>

enum { WIDTH = 560, HEIGHT = 420, MAIN = 1 /* of the targets */ };

const double coverage_targets[COVERAGE_TARGETS] = {0.9, 0.95, 0.99};

/* ---- Figures ---- */

Interval coverage_interval(const Answers *answers, double threshold)
{
    g_autofree int *right = g_new(int, answers->n + 1);
    g_autofree guint8 *unsure = g_new(guint8, answers->n + 1);
    for (guint i = 0; i < answers->n; i++) {
        const float *row = answers->probabilities + (gsize)i * answers->classes;
        int predicted = scores_argmax(row, answers->classes);
        unsure[i] = (double)row[predicted] < threshold;
        right[i] = predicted == answers->labels[i];
    }
    return interval_share(right, unsure, answers->units, answers->n);
}

const CoveragePoint *coverage_main(const Answers *answers)
{
    const CoveragePoint *point = NULL;
    for (int t = MAIN; !point && t >= 0; t--)
        point = calibration_accept(answers->points, coverage_targets[t]);
    return point;
}

void coverage_by_class(const Answers *answers, double threshold, CoveragePoint *out)
{
    for (guint c = 0; c < answers->classes; c++)
        out[c] = (CoveragePoint){.threshold = threshold};
    for (guint i = 0; i < answers->n; i++) {
        const float *row = answers->probabilities + (gsize)i * answers->classes;
        int predicted = scores_argmax(row, answers->classes), truth = answers->labels[i];
        if ((double)row[predicted] < threshold)
            continue;
        out[truth].answered++;
        out[truth].right += predicted == truth;
    }
}

/* ---- Text ---- */

static void append_classes(GString *text, const char *name, const Answers *answers)
{
    const CoveragePoint *point = coverage_main(answers);
    if (!point)
        return;
    g_autofree CoveragePoint *of = g_new(CoveragePoint, answers->classes);
    g_autofree guint *images = g_new0(guint, answers->classes);
    coverage_by_class(answers, point->threshold, of);
    for (guint i = 0; i < answers->n; i++)
        images[answers->labels[i]]++;
    g_string_append_printf(text, "%s  from %.4f on, by class: right, answered, images\n", name,
                           point->threshold);
    for (guint c = 0; c < answers->classes; c++) {
        g_autofree char *class = cli_printable(answers->class_names[c]);
        g_string_append_printf(text, "%8u %6u %6u  %s\n", of[c].right, of[c].answered, images[c], class);
    }
}

void coverage_text(GString *text, const Answers *answers)
{
    g_autofree char *name = cli_printable(answers->name);
    if (!answers->points) {
        g_autofree char *remedy = cli_commands("train --folds 5 calibrates a linear head");
        g_string_append_printf(text, "%s gives no probabilities: %s\n", name, remedy);
        return;
    }
    for (guint t = 0; t < COVERAGE_TARGETS; t++) {
        const CoveragePoint *point = calibration_accept(answers->points, coverage_targets[t]);
        g_string_append_printf(text, "%s  %2.0f %% right ", name, 100 * coverage_targets[t]);
        if (!point) {
            g_string_append(text, "at no probability\n");
            continue;
        }
        Interval interval = coverage_interval(answers, point->threshold);
        g_string_append_printf(text, "from %.4f on (%.1f to %.1f), answering %.1f %% of the images\n",
                               point->threshold, 100 * interval.low, 100 * interval.high,
                               100.0 * point->answered / answers->n);
    }
    append_classes(text, name, answers);
}

/* ---- The figure ---- */

static const CoveragePoint *point_of(const Answers *answers, guint i)
{
    return &g_array_index(answers->points, CoveragePoint, i);
}

/* The interval at BAND of the points at most, as one over groups takes a while. */
static void draw_band(Axes *axes, const Answers *answers, guint32 color)
{
    enum { BAND = 64 };
    double share[BAND], low[BAND], high[BAND];
    guint points = answers->points->len, drawn = MIN(points, BAND);
    for (guint i = 0; i < drawn; i++) {
        guint at = drawn == 1 ? 0 : (guint)((guint64)i * (points - 1) / (drawn - 1));
        const CoveragePoint *point = point_of(answers, at);
        Interval interval = coverage_interval(answers, point->threshold);
        share[i] = (double)point->answered / answers->n;
        low[i] = interval.low;
        high[i] = interval.high;
    }
    axes_band(axes, share, low, high, drawn, color, NULL);
}

static void draw_line(Axes *axes, const Answers *answers, guint32 color)
{
    guint points = answers->points->len;
    g_autofree double *share = g_new(double, points), *accuracy = g_new(double, points);
    for (guint i = 0; i < points; i++) {
        const CoveragePoint *point = point_of(answers, i);
        share[i] = (double)point->answered / answers->n;
        accuracy[i] = (double)point->right / point->answered;
    }
    axes_line(axes, share, accuracy, points, color, FALSE, answers->name);
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Answers *answers = figure->of;
    guint n = figure->n;
    const CanvasTheme *theme = canvas_theme(canvas);
    double lowest = 1;
    for (guint j = 0; j < n; j++)
        if (answers[j].points)
            lowest = fmin(lowest, coverage_interval(&answers[j], 0).low);
    g_autoptr(Axes) axes = axes_new(
        canvas, 0, 0, WIDTH, HEIGHT,
        &(AxesOptions){.title = "Right, of the images answered",
                       .x = {"images answered, the surest first", 0, 1, .percent = TRUE},
                       .y = {"accuracy, with its 95 % interval", lowest, 1, .nice = TRUE, .percent = TRUE}});
    for (guint j = 0, drawn = 0; j < n; j++) {
        if (!answers[j].points)
            continue;
        guint32 color = theme->series[drawn++ % CANVAS_SERIES];
        draw_band(axes, &answers[j], color);
        draw_line(axes, &answers[j], color);
    }
}

CanvasFigure coverage_figure(const Answers *answers, guint n)
{
    guint drawn = 0;
    for (guint j = 0; j < n; j++)
        drawn += answers[j].points != NULL;
    return (CanvasFigure){.width = WIDTH,
                          .height = HEIGHT,
                          .draw = draw,
                          .of = answers,
                          .n = n,
                          .refusal = drawn ? NULL
                                           : "not drawn, as no model yields probabilities; train --folds 5 "
                                             "calibrates a linear head"};
}
