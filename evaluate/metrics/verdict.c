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

static void find_equals(const Comparison *comparison, guint best, GPtrArray *equals)
{
    guint n = comparison->models, rivals = 0;
    g_autofree double *p = g_new(double, n);
    g_autofree guint *models = g_new(guint, n);
    for (guint j = 0; j < n; j++)
        if (j != best) {
            p[rivals] = comparison_test(comparison, best, j).p;
            models[rivals++] = j;
        }
    metrics_holm(p, rivals);
    for (guint r = 0; r < rivals; r++)
        if (p[r] >= VERDICT_LEVEL)
            g_ptr_array_add(equals, comparison->evaluations[models[r]]);
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
    verdict->test = comparison_test(comparison, best, second);
    verdict->ahead = verdict->best->accuracy - verdict->second->accuracy;
    verdict->ahead_interval = comparison_difference(comparison, best, second);
    verdict->needed = comparison->units ? 0 : images_needed(verdict->test, comparison->n);
    find_equals(comparison, best, verdict->equals);
}
