/* unknown: see unknown.h. */
#include "evaluate/report/unknown.h"

#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/network/scores.h"

#include <math.h>

/* ---- Figures ---- */

/* (n): the score of the predicted class, which is high where a model is sure. */
static float *best_scores(const Model *model, const float *outputs, guint n)
{
    guint classes = model->classes->len;
    g_autofree float *scores = g_memdup2(outputs, (gsize)n * classes * sizeof *scores);
    float *best = g_new(float, n);
    model_probabilities(model, scores, n);
    for (guint i = 0; i < n; i++) {
        const float *row = scores + (gsize)i * classes;
        best[i] = row[scores_argmax(row, classes)];
    }
    return best;
}

static Separation by_score(const Comparison *comparison, const Evaluation *evaluation)
{
    guint n = comparison_count(comparison), m = comparison->unknown->paths->len;
    g_autofree float *known = best_scores(evaluation->model, evaluation->outputs, n);
    g_autofree float *unknown = best_scores(evaluation->model, evaluation->unknown.outputs, m);
    return metrics_separation(known, n, unknown, m);
}

static Separation by_similarity(const Comparison *comparison, const Evaluation *evaluation)
{
    return metrics_separation(evaluation->similarities, comparison_count(comparison),
                              evaluation->unknown.similarities, comparison->unknown->paths->len);
}

/* The share of n similarities that a limit lets through. */
static double share_known(const float *similarities, guint n, double limit)
{
    guint known = 0;
    for (guint i = 0; i < n; i++)
        known += (double)similarities[i] >= limit;
    return (double)known / n;
}

typedef struct {
    double limit, kept, told; /* the model's, or that for METRICS_KEPT of the images trained on */
} AtLimit;

static AtLimit at_limit(const Comparison *comparison, const Evaluation *evaluation)
{
    const Novelty *novelty = evaluation->model->novelty;
    double limit =
        isfinite(novelty->limit) ? novelty->limit : novelty_limit(novelty->held, novelty->n, METRICS_KEPT);
    return (AtLimit){
        limit, share_known(evaluation->similarities, comparison_count(comparison), limit),
        1 - share_known(evaluation->unknown.similarities, comparison->unknown->paths->len, limit)};
}

/* ---- Text ---- */

static void append_separation(GString *text, const char *name, Separation separation, const char *by)
{
    g_string_append_printf(text, "%s  %.4f  %5.1f %%  by %s\n", name, separation.auroc, 100 * separation.told,
                           by);
}

void unknown_text(GString *text, const Comparison *comparison)
{
    guint m = comparison->unknown->paths->len;
    g_autofree char *source = cli_printable(comparison->unknown->source);
    g_string_append_printf(
        text, "\n%u unknown %s in %s (AUROC; share of them told where %g %% of the known are kept)\n", m,
        plural(m, "image", "images"), source, 100 * METRICS_KEPT);
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        g_autofree char *name = cli_printable(evaluation->name);
        append_separation(text, name, by_score(comparison, evaluation),
                          evaluation->probabilities ? "probability" : "decision value");
        if (!evaluation->similarities) {
            g_string_append_printf(text, "%s keeps no images trained on; train a head on a cache again\n",
                                   name);
            continue;
        }
        AtLimit at = at_limit(comparison, evaluation);
        append_separation(text, name, by_similarity(comparison, evaluation),
                          "similarity to the images trained on");
        g_string_append_printf(text,
                               "%s  known from a similarity of %.4f on: %.1f %% of the known are, and %.1f "
                               "%% of the unknown are not\n",
                               name, at.limit, 100 * at.kept, 100 * at.told);
    }
}

/* ---- JSON ---- */

static json_t *separation_json(Separation separation)
{
    return json_pack("{s:f, s:f}", "auroc", separation.auroc, "told", separation.told);
}

json_t *unknown_json(const Comparison *comparison, const Evaluation *evaluation)
{
    if (!comparison->unknown)
        return json_null();
    json_t *object = json_pack("{s:I, s:o}", "images", (json_int_t)comparison->unknown->paths->len, "score",
                               separation_json(by_score(comparison, evaluation)));
    if (!evaluation->similarities)
        return object;
    AtLimit at = at_limit(comparison, evaluation);
    json_object_set_new(object, "similarity", separation_json(by_similarity(comparison, evaluation)));
    json_object_set_new(object, "limit", json_real(at.limit));
    json_object_set_new(object, "kept", json_real(at.kept));
    json_object_set_new(object, "told", json_real(at.told));
    return object;
}
