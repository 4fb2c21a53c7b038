/* coverage: see coverage.h. */
#include "common/model/coverage.h"

#include "common/cli/cli.h"
#include "common/network/scores.h"

enum { MAIN = 1 /* of the targets */ };

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

CoveragePoint *coverage_by_class(const Answers *answers, double threshold)
{
    CoveragePoint *out = g_new(CoveragePoint, answers->classes);
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
    return out;
}

/* ---- Text ---- */

static void append_classes(GString *text, const char *name, const Answers *answers)
{
    const CoveragePoint *point = coverage_main(answers);
    if (!point)
        return;
    g_autofree CoveragePoint *of = coverage_by_class(answers, point->threshold),
                             *all = coverage_by_class(answers, 0);
    g_string_append_printf(text, "%s  from %.4f on, by class: right, answered, images\n", name,
                           point->threshold);
    for (guint c = 0; c < answers->classes; c++) {
        g_autofree char *class = cli_printable(answers->class_names[c]);
        g_string_append_printf(text, "%8u %6u %6u  %s\n", of[c].right, of[c].answered, all[c].answered,
                               class);
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
