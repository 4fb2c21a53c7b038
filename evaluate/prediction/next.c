/* next: see next.h. */
#include "evaluate/prediction/next.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cache.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/network/scores.h"
#include "common/plot/contact_sheet.h"
#include "evaluate/prediction/evaluation_run.h"

#include <stdlib.h>
#include <string.h>

enum { NEXT_POOL = 10, MOST = 4096 /* images compared with each other: 64 MB */ };

typedef struct {
    guint item;                  /* of the cache */
    const char *path, *class[2]; /* the two best classes */
    float score[2];
} Candidate;

/* ---- Uncertain ---- */

static gint nearest_scores_first(gconstpointer a, gconstpointer b)
{
    const Candidate *x = a, *y = b;
    float p = x->score[0] - x->score[1], q = y->score[0] - y->score[1];
    return p != q ? (p > q) - (p < q) : (x->item > y->item) - (x->item < y->item);
}

/* Images without a label, the least certain first. */
static GArray *list_uncertain(const Dataset *images, const Evaluation *evaluation)
{
    const float *scores = evaluation->unknown.scores;
    const Model *model = evaluation->model;
    const char *const *names = (const char *const *)model->classes->pdata;
    guint classes = model->classes->len;
    GArray *candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));
    for (guint i = 0; i < images->items->len; i++) {
        const DatasetItem *item = images->items->pdata[i];
        const float *row = scores + (gsize)i * classes;
        int best = scores_argmax(row, classes), second = scores_other(row, classes, best);
        Candidate candidate = {i, item->key, {names[best], names[second]}, {row[best], row[second]}};
        if (item->label < 0)
            g_array_append_val(candidates, candidate);
    }
    g_array_sort(candidates, nearest_scores_first);
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
        const Candidate *candidate = &g_array_index(candidates, Candidate, i);
        const float *x = cache_features(cache, candidate->item, buffer, error);
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

static gboolean print_next(const Candidate *const *next, guint k, gboolean probabilities, GError **error)
{
    const char *score = probabilities ? "probability" : "margin";
    g_autofree char *header = g_strdup_printf("path,class_1,%s_1,class_2,%s_2", score, score);
    gboolean good = cli_print(header, error);
    for (guint i = 0; good && i < k; i++) {
        g_autoptr(GString) line = g_string_new(NULL);
        csv_append(line, next[i]->path);
        for (int c = 0; c < 2; c++) {
            csv_append(line, next[i]->class[c]);
            csv_append_float(line, next[i]->score[c]);
        }
        good = cli_print(line->str, error);
    }
    return good;
}

static gboolean write_sheet(const Options *o, const Candidate *const *next, guint k, GError **error)
{
    g_autoptr(ContactSheet) sheet = contact_sheet_new("What to label next", o->images.folder, 0);
    for (guint i = 0; i < k; i++) {
        g_autofree char *caption = g_strdup_printf("%s or %s?", next[i]->class[0], next[i] -> class[1]);
        contact_sheet_add(sheet, next[i]->path, caption, NULL, 0);
    }
    return contact_sheet_write(sheet, o->sheet, NULL, error);
}

static gboolean answer(const Options *o, const Comparison *comparison, GError **error)
{
    const TestImages *images = comparison->unknown;
    const Evaluation *evaluation = comparison->evaluations[0];
    const char *source = images->list->root;
    g_autoptr(GArray) candidates = list_uncertain(images->list, evaluation);
    guint k = (guint)MIN(o->next, candidates->len);
    guint n = MIN(MAX(k, MIN(NEXT_POOL * (gsize)k, MOST)), candidates->len);
    if (!k)
        return error_set(
            error,
            "%s: has no images without a label; extract --labels FILE --unlabelled keep keeps those that "
            "FILE lacks",
            source);
    g_autofree guint *chosen = g_new(guint, k);
    g_autofree const Candidate **next = g_new(const Candidate *, k);
    for (guint i = 0; i < k; i++)
        chosen[i] = i;
    if (n > k) {
        g_autofree float *cosines = compare(images->cache, candidates, n, error);
        if (!cosines)
            return FALSE;
        choose(cosines, n, chosen, k);
    }
    for (guint i = 0; i < k; i++)
        next[i] = &g_array_index(candidates, Candidate, chosen[i]);
    const Model *model = evaluation->model;
    if (k < o->next)
        cli_remark("%s: has %u %s without a label", source, k, plural(k, "image", "images"));
    return print_next(next, k, model->probabilities || model->temperature > 0, error) &&
           (!o->sheet || write_sheet(o, next, k, error));
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
