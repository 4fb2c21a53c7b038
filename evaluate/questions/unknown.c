/* unknown: see unknown.h. */
#include "evaluate/questions/unknown.h"

#include "common/network/scores.h"

#include <math.h>

/* (n) of scores (n, L): that of the predicted class, which is high where a model is sure. */
static float *best_scores(const float *scores, guint n, guint classes)
{
    float *best = g_new(float, n);
    for (guint i = 0; i < n; i++, scores += classes)
        best[i] = scores[scores_argmax(scores, classes)];
    return best;
}

/* The share of n similarities that a limit lets through. */
static double share_known(const float *similarities, guint n, double limit)
{
    guint known = 0;
    for (guint i = 0; i < n; i++)
        known += (double)similarities[i] >= limit;
    return (double)known / n;
}

static void measure(Evaluation *model)
{
    guint n = model->comparison->n, m = model->comparison->unknown->list->items->len;
    guint classes = model->comparison->classes;
    const Novelty *novelty = model->model->novelty;
    const float *similarities = model->known.similarities, *others = model->unknown.similarities;
    Told *told = &model->told;
    g_autofree float *known = best_scores(model->known.scores, n, classes);
    g_autofree float *unknown = best_scores(model->unknown.scores, m, classes);
    told->by[told->ways++] = metrics_separation(known, n, unknown, m);
    if (!similarities)
        return;
    told->by[told->ways++] = metrics_separation(similarities, n, others, m);
    told->limit =
        isfinite(novelty->limit) ? novelty->limit : novelty_limit(novelty->held, novelty->n, METRICS_KEPT);
    told->kept = share_known(similarities, n, told->limit);
    told->below = 1 - share_known(others, m, told->limit);
}

void unknown_measure(const Comparison *comparison)
{
    for (guint j = 0; comparison->unknown && j < comparison->models; j++)
        measure(comparison->evaluations[j]);
}
