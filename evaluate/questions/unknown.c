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

UnknownFigures unknown_measure(const Evaluation *evaluation)
{
    const Comparison *comparison = evaluation->comparison;
    guint n = comparison->n, m = comparison->unknown->list->items->len;
    const Novelty *novelty = evaluation->model->novelty;
    const float *similarities = evaluation->known.similarities, *others = evaluation->unknown.similarities;
    g_autofree float *known = best_scores(evaluation->known.scores, n, comparison->classes);
    g_autofree float *unknown = best_scores(evaluation->unknown.scores, m, comparison->classes);
    UnknownFigures figures = {.score = metrics_separation(known, n, unknown, m)};
    if (!similarities)
        return figures;
    figures.similarity = metrics_separation(similarities, n, others, m);
    figures.limit =
        isfinite(novelty->limit) ? novelty->limit : novelty_limit(novelty->held, novelty->n, METRICS_KEPT);
    figures.kept = share_known(similarities, n, figures.limit);
    figures.told = 1 - share_known(others, m, figures.limit);
    return figures;
}
