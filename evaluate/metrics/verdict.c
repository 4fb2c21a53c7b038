/* verdict: see evaluation.h. */
#include "evaluate/metrics/evaluation.h"

#include <math.h>

/* Of all models but this one: the one that is most often right, the first of equal ones. */
static guint most_right(const Comparison *comparison, guint but)
{
    guint found = but == 0 ? 1 : 0;
    for (guint j = 0; j < comparison->models; j++)
        if (j != but && comparison->evaluations[j]->right > comparison->evaluations[found]->right)
            found = j;
    return found;
}

/* What tells best from the others. */
static void compare_best(const Comparison *comparison, Verdict *verdict)
{
    g_autofree double *p = g_new(double, comparison->models);
    g_autoptr(GPtrArray) rivals = g_ptr_array_new();
    for (guint i = 0; i < comparison->pairs->len; i++) {
        const ModelPair *pair = &g_array_index(comparison->pairs, ModelPair, i);
        const Evaluation *rival = pair->first == verdict->best ? pair->second : pair->first;
        if (pair->first != verdict->best && pair->second != verdict->best)
            continue;
        if (rival == verdict->second)
            verdict->test = pair->test;
        p[rivals->len] = pair->test.p;
        g_ptr_array_add(rivals, (gpointer)rival);
    }
    metrics_holm(p, rivals->len);
    for (guint r = 0; r < rivals->len; r++)
        if (p[r] >= VERDICT_LEVEL)
            g_ptr_array_add(verdict->equals, rivals->pdata[r]);
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
    const ClassMetrics *metrics = verdict->best->per_class;
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
    guint best = most_right(comparison, G_MAXUINT), second = most_right(comparison, best);
    verdict->equals = g_ptr_array_new();
    verdict->best = comparison->evaluations[best];
    find_worst(comparison, verdict);
    verdict->beats_guess = verdict->best->guess_p < VERDICT_LEVEL;
    if (comparison->models == 1)
        return;
    verdict->second = comparison->evaluations[second];
    compare_best(comparison, verdict);
    verdict->ahead = verdict->best->accuracy - verdict->second->accuracy;
    verdict->ahead_interval =
        metrics_difference(comparison->labels, verdict->best->predicted, verdict->second->predicted,
                           comparison->units, comparison->n);
    verdict->needed = comparison->units ? 0 : images_needed(verdict->test, comparison->n);
}
