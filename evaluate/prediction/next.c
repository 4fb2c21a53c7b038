/* next: see next.h. */
#include "evaluate/prediction/next.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cache.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/network/scores.h"
#include "common/plot/contact_sheet.h"
#include "evaluate/prediction/evaluation_run.h"
#include "evaluate/prediction/predict.h"

#include <stdlib.h>
#include <string.h>

enum { NEXT_POOL = 10, MOST = 4096 /* images compared with each other: 64 MB */ };

/* ---- Uncertain ---- */

/* (L) of an image of the cache. */
static const float *scores_of(const Evaluation *evaluation, guint image)
{
    return evaluation->unknown.scores + (gsize)image * evaluation->model->classes->len;
}

static void best_two(const Evaluation *evaluation, guint image, guint best[2])
{
    const float *scores = scores_of(evaluation, image);
    guint classes = evaluation->model->classes->len;
    best[0] = (guint)scores_argmax(scores, classes);
    best[1] = (guint)scores_other(scores, classes, (int)best[0]);
}

/* Ranked: images without a label, those first whose two best classes lie closest together. */
static GArray *list_uncertain(const Dataset *images, const Evaluation *evaluation)
{
    GArray *candidates = g_array_new(FALSE, FALSE, sizeof(Ranked));
    for (guint i = 0; i < images->items->len; i++) {
        const float *scores = scores_of(evaluation, i);
        guint best[2];
        best_two(evaluation, i, best);
        Ranked candidate = {i, (double)(scores[best[1]] - scores[best[0]])};
        if (((const DatasetItem *)images->items->pdata[i])->label < 0)
            g_array_append_val(candidates, candidate);
    }
    g_array_sort(candidates, ranked_order);
    return candidates;
}

/* ---- Diverse ---- */

/* (n, n): of the first n candidates. NULL and error if their features cannot be read. */
static float *compare(Cache *cache, const GArray *candidates, guint n, GError **error)
{
    const FeatureSpec *spec = cache->spec;
    gsize width = (gsize)spec->shape[2];
    g_autofree float *buffer = g_new(float, feature_spec_features(spec)), *summaries = g_new(float, width *n);
    for (guint i = 0; i < n; i++) {
        const float *x = cache_features(cache, g_array_index(candidates, Ranked, i).image, buffer, error);
        if (!x)
            return NULL;
        novelty_summary(spec->shape, x, summaries + i * width);
    }
    float *cosines = g_new(float, (gsize)n *n);
    blas_startup(1);
    blas()->cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)n, (int)width, 1, summaries,
                        (int)width, summaries, (int)width, 0, cosines, (int)n);
    return cosines;
}

/* By how much an image would bring the others (cosines, n) nearer to the most similar one chosen. */
static double gain_of(const float *cosines, const float *nearest, guint n)
{
    double gain = 0;
    for (guint i = 0; i < n; i++)
        gain += cosines[i] > nearest[i] ? (double)cosines[i] - (double)nearest[i] : 0;
    return gain;
}

/* chosen (k) of n images, one after another. A gain only falls as more are chosen, so that one computed earlier bounds it,
 * and most need not be computed again (Minoux 1978). */
static void choose(const float *cosines, guint n, guint *chosen, guint k)
{
    g_autofree float *nearest = g_new(float, n);
    g_autofree double *gains = g_new(double, n);
    g_autofree guint *computed = g_new0(guint, n); /* when so many had been chosen */
    for (guint i = 0; i < n; i++)
        nearest[i] = -1;
    for (guint i = 0; i < n; i++)
        gains[i] = gain_of(cosines + (gsize)i * n, nearest, n);
    for (guint done = 0; done < k;) {
        guint best = 0;
        for (guint i = 1; i < n; i++)
            if (gains[i] > gains[best])
                best = i;
        const float *row = cosines + (gsize)best * n;
        if (computed[best] < done) {
            gains[best] = gain_of(row, nearest, n);
            computed[best] = done;
            continue;
        }
        chosen[done++] = best;
        gains[best] = -1; /* never again */
        computed[best] = G_MAXUINT;
        for (guint i = 0; i < n; i++)
            nearest[i] = MAX(nearest[i], row[i]);
    }
}

/* ---- Output ---- */

/* chosen (k): images. */
static gboolean print_next(const Comparison *comparison, const guint *chosen, guint k, GError **error)
{
    const Evaluation *evaluation = comparison->evaluations[0];
    const Prediction csv = {
        .format = FORMAT_CSV, .model = evaluation->model, .images = comparison->unknown, .top = 2};
    gboolean good = prediction_header(&csv, error);
    for (guint i = 0; good && i < k; i++)
        good = prediction_print(&csv, chosen[i], scores_of(evaluation, chosen[i]), 0, error);
    return good;
}

static gboolean write_sheet(const Options *o, const Comparison *comparison, const guint *chosen, guint k,
                            GError **error)
{
    const Evaluation *evaluation = comparison->evaluations[0];
    char **names = (char **)evaluation->model->classes->pdata;
    g_autoptr(ContactSheet) sheet = contact_sheet_new("What to label next", o->images.folder, 0);
    for (guint i = 0; i < k; i++) {
        const DatasetItem *item = comparison->unknown->list->items->pdata[chosen[i]];
        guint best[2];
        best_two(evaluation, chosen[i], best);
        g_autofree char *caption = g_strdup_printf("%s or %s?", names[best[0]], names[best[1]]);
        contact_sheet_add(sheet, item->key, caption, NULL, 0);
    }
    return contact_sheet_write(sheet, o->sheet, NULL, error);
}

static gboolean answer(const Options *o, const Comparison *comparison, GError **error)
{
    const TestImages *images = comparison->unknown;
    const char *source = images->list->root;
    g_autoptr(GArray) candidates = list_uncertain(images->list, comparison->evaluations[0]);
    guint k = (guint)MIN(o->next, candidates->len);
    guint n = MIN(MAX(k, MIN(NEXT_POOL * (gsize)k, MOST)), candidates->len);
    if (!k)
        return error_set(
            error,
            "%s: has no images without a label; extract --labels FILE --unlabelled keep keeps those that "
            "FILE lacks",
            source);
    g_autofree guint *chosen = g_new(guint, k);
    for (guint i = 0; i < k; i++)
        chosen[i] = i;
    if (n > k) {
        g_autofree float *cosines = compare(images->cache, candidates, n, error);
        if (!cosines)
            return FALSE;
        choose(cosines, n, chosen, k);
    }
    for (guint i = 0; i < k; i++)
        chosen[i] = g_array_index(candidates, Ranked, chosen[i]).image;
    if (k < o->next)
        cli_remark("%s: has %u %s without a label", source, k, plural(k, "image", "images"));
    return print_next(comparison, chosen, k, error) &&
           (!o->sheet || write_sheet(o, comparison, chosen, k, error));
}

Status next_images(const Options *options, GError **error)
{
    g_autoptr(Comparison) comparison =
        comparison_new(&options->models, (guint)options->common.threads, error);
    return comparison && evaluation_run(comparison, &options->images, TRUE, error) &&
                   answer(options, comparison, error)
               ? STATUS_DONE
               : STATUS_FAILED;
}
