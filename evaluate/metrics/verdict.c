/* verdict: see evaluation.h. */
#include "evaluate/metrics/evaluation.h"

#include <math.h>

static void rank(const Comparison *comparison, Verdict *verdict)
{
    guint n = comparison->models;
    for (guint j = 1; j < n; j++)
        if (comparison->evaluations[j]->right > comparison->evaluations[verdict->best]->right)
            verdict->best = j;
    verdict->second = n == 1 ? 0 : verdict->best == 0 ? 1 : 0;
    for (guint j = 0; j < n; j++)
        if (j != verdict->best &&
            comparison->evaluations[j]->right > comparison->evaluations[verdict->second]->right)
            verdict->second = j;
}

static void find_equals(const Comparison *comparison, Verdict *verdict)
{
    guint n = comparison->models, rivals = 0;
    g_autofree double *p = g_new(double, n);
    g_autofree guint *models = g_new(guint, n);
    for (guint j = 0; j < n; j++)
        if (j != verdict->best) {
            p[rivals] = comparison_test(comparison, verdict->best, j).p;
            models[rivals++] = j;
        }
    metrics_holm(p, rivals);
    for (guint r = 0; r < rivals; r++)
        if (p[r] >= VERDICT_LEVEL)
            g_array_append_val(verdict->equals, models[r]);
}

/* (1.96 + 0.84)^2 (p_b + p_c) / (p_b - p_c)^2, p_b and p_c the shares of images that only one gets right. */
static guint images_needed(McNemar test, guint n)
{
    const double factor = 7.849; /* (97.5 % + 80 % quantiles of the normal distribution)^2 */
    double b = test.first_only, c = test.second_only;
    return b == c ? 0 : (guint)fmin(G_MAXUINT, ceil(factor * n * (b + c) / ((b - c) * (b - c))));
}

static void find_worst(const Comparison *comparison, Verdict *verdict)
{
    const ClassMetrics *metrics = comparison->evaluations[verdict->best]->per_class;
    for (guint c = 1; c < comparison->classes; c++) {
        const ClassMetrics *worst = &metrics[verdict->worst];
        if (metrics[c].support &&
            (!worst->support || metrics[c].recall < worst->recall ||
             (metrics[c].recall == worst->recall && metrics[c].support > worst->support)))
            verdict->worst = (int)c;
    }
}

void comparison_judge(Comparison *comparison)
{
    Verdict *verdict = &comparison->verdict;
    verdict->equals = g_array_new(FALSE, FALSE, sizeof(guint));
    rank(comparison, verdict);
    find_worst(comparison, verdict);
    const Evaluation *best = comparison->evaluations[verdict->best];
    verdict->beats_guess = best->guess_p < VERDICT_LEVEL;
    if (verdict->second == verdict->best)
        return;
    verdict->test = comparison_test(comparison, verdict->best, verdict->second);
    verdict->ahead = best->accuracy - comparison->evaluations[verdict->second]->accuracy;
    verdict->ahead_interval = comparison_difference(comparison, verdict->best, verdict->second);
    verdict->needed = comparison->units ? 0 : images_needed(verdict->test, comparison->n);
    find_equals(comparison, verdict);
}
