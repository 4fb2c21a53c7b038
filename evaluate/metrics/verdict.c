/* verdict: see verdict.h. */
#include "evaluate/metrics/verdict.h"

#include <math.h>

typedef struct {
    guint model;
    double p;
} Rival;

static void rank(const Comparison *comparison, Verdict *verdict)
{
    guint n = comparison->evaluations->len;
    for (guint j = 1; j < n; j++)
        if (comparison_model(comparison, j)->right > comparison_model(comparison, verdict->best)->right)
            verdict->best = j;
    verdict->second = n == 1 ? 0 : verdict->best == 0 ? 1 : 0;
    for (guint j = 0; j < n; j++)
        if (j != verdict->best &&
            comparison_model(comparison, j)->right > comparison_model(comparison, verdict->second)->right)
            verdict->second = j;
}

static gint by_p(gconstpointer a, gconstpointer b)
{
    const Rival *x = a, *y = b;
    return x->p != y->p ? (x->p < y->p ? -1 : 1) : x->model < y->model ? -1 : 1;
}

/* Holm's step-down: the smallest p is compared with 5 % / m, the next with 5 % / (m - 1), until one is larger. */
static void find_equals(const Comparison *comparison, Verdict *verdict)
{
    g_autoptr(GArray) rivals = g_array_new(FALSE, FALSE, sizeof(Rival));
    gboolean rejected = TRUE;
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        Rival rival = {j, j == verdict->best ? 0 : comparison_test(comparison, verdict->best, j).p};
        if (j != verdict->best)
            g_array_append_val(rivals, rival);
    }
    g_array_sort(rivals, by_p);
    for (guint r = 0; r < rivals->len; r++) {
        const Rival *rival = &g_array_index(rivals, Rival, r);
        rejected &= rival->p < VERDICT_LEVEL / (rivals->len - r);
        if (!rejected)
            g_array_append_val(verdict->equals, rival->model);
    }
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
    const ClassMetrics *metrics = comparison_model(comparison, verdict->best)->per_class;
    for (guint c = 1; c < comparison_classes(comparison); c++) {
        const ClassMetrics *worst = &metrics[verdict->worst];
        if (metrics[c].support &&
            (!worst->support || metrics[c].recall < worst->recall ||
             (metrics[c].recall == worst->recall && metrics[c].support > worst->support)))
            verdict->worst = (int)c;
    }
}

Verdict *verdict_new(const Comparison *comparison)
{
    Verdict *verdict = g_new0(Verdict, 1);
    guint n = comparison_count(comparison);
    verdict->equals = g_array_new(FALSE, FALSE, sizeof(guint));
    rank(comparison, verdict);
    find_worst(comparison, verdict);
    const Evaluation *best = comparison_model(comparison, verdict->best);
    verdict->beats_guess = best->guess_p < VERDICT_LEVEL;
    if (verdict->second == verdict->best)
        return verdict;
    verdict->test = comparison_test(comparison, verdict->best, verdict->second);
    verdict->ahead = best->accuracy - comparison_model(comparison, verdict->second)->accuracy;
    verdict->ahead_interval = comparison_difference(comparison, verdict->best, verdict->second);
    verdict->needed = comparison->units ? 0 : images_needed(verdict->test, n);
    find_equals(comparison, verdict);
    return verdict;
}

void verdict_free(Verdict *verdict)
{
    if (!verdict)
        return;
    g_array_unref(verdict->equals);
    g_free(verdict);
}
