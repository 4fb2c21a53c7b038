/* leakage: see leakage.h. */
#include "evaluate/questions/leakage.h"

#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"

#include <math.h>
#include <string.h>

/* ---- Contents ---- */

static void find_same(Comparison *comparison, const Cache *training)
{
    g_autoptr(GHashTable) paths = g_hash_table_new(sha256_hash, sha256_equal); /* content hash -> path */
    for (guint i = 0; i < training->images; i++) {
        const CacheItem *item = cache_item(training, i);
        g_hash_table_insert(paths, (gpointer)item->hash, (gpointer)item->path);
    }
    for (guint i = 0; i < comparison->n; i++) {
        const char *path = g_hash_table_lookup(paths, comparison->items[i]->hash);
        if (path)
            comparison->twins[i] = (Twin){g_intern_string(path), TRUE, 1};
    }
}

/* ---- Likeness ---- */

typedef struct {
    Comparison *comparison;
    Cosines *training;
    guint images[COSINES_BLOCK]; /* being compared */
    guint n;
} Search;

/* Of equals the first by name: blocks come in no order. */
static gboolean is_nearer(const Twin *twin, float cosine, const char *path)
{
    return !twin->path || cosine > twin->cosine || (cosine >= twin->cosine && strcmp(path, twin->path) < 0);
}

static void take_cosines(guint first, guint count, const float *cosines, gpointer user)
{
    Search *search = user;
    for (guint q = 0; q < search->n; q++) {
        Twin *twin = &search->comparison->twins[search->images[q]];
        for (guint i = 0; i < count; i++) {
            float cosine = MIN(cosines[q * COSINES_BLOCK + i], 1);
            const char *path = cosines_item(search->training, first + i)->path;
            if (cosine < search->comparison->similarity || !is_nearer(twin, cosine, path))
                continue;
            *twin = (Twin){g_intern_string(path), FALSE, cosine};
        }
    }
}

/* Compares the images that have no twin yet. */
static gboolean find_alike(Search *search, GError **error)
{
    const Comparison *comparison = search->comparison;
    Cache *test = comparison->images->cache;
    guint n = comparison->n;
    gsize features = feature_spec_features(test->spec);
    g_autofree float *vectors = g_new(float, COSINES_BLOCK *features);
    g_autoptr(Progress) progress = progress_new("Comparing", n, "images");
    for (guint i = 0; i < n; i++) {
        if (!comparison->twins[i].path) {
            float *row = vectors + search->n * features;
            const float *x = cache_features(test, i, row, error);
            if (!x)
                return FALSE;
            cosines_normalize(x, features, row);
            search->images[search->n++] = i;
        }
        if (search->n == COSINES_BLOCK || (search->n && i + 1 == n)) {
            if (!cosines_scan(search->training, vectors, search->n, 0, take_cosines, search, error))
                return FALSE;
            search->n = 0;
        }
        progress_tick(progress, 1);
    }
    return TRUE;
}

static gboolean compare_caches(Comparison *comparison, const LeakageChoice *choice, GError **error)
{
    Cache *test = comparison->images->cache;
    gboolean same = g_strcmp0(choice->trained_on, test->path) == 0;
    g_autoptr(Cache) other = same ? NULL : cache_open(choice->trained_on, error);
    Cache *training = same ? test : other;
    if (!training)
        return FALSE;
    g_autofree char *difference = feature_spec_difference(training->spec, test->spec);
    comparison->trained_on = choice->trained_on;
    comparison->twins = g_new0(Twin, comparison->n + 1);
    find_same(comparison, training);
    if (difference) {
        cli_warn("%s was made with other settings than %s (%s): images are compared by their content only",
                 choice->trained_on, test->path, difference);
        return TRUE;
    }
    comparison->similarity = choice->similarity > 0 ? choice->similarity : cosines_alike(training->spec);
    g_autoptr(Cosines) cosines = cosines_new(&training, 1, comparison->thread_pool);
    Search search = {.comparison = comparison, .training = cosines};
    return find_alike(&search, error);
}

/* ---- Models ---- */

static Seen seen_by(const Comparison *comparison, const Model *model, guint i)
{
    const Twin *twin = comparison->twins ? &comparison->twins[i] : NULL;
    if ((twin && twin->same) ||
        (model->trained_on && trained_on_has(model->trained_on, comparison->items[i]->hash)))
        return IMAGE_SEEN;
    return twin && twin->path ? IMAGE_ALIKE : IMAGE_UNSEEN;
}

static void measure_leakage(Evaluation *evaluation)
{
    const Comparison *comparison = evaluation->comparison;
    Leakage *leakage = &evaluation->leakage;
    guint n = comparison->n, right = 0; /* of those not seen */
    if (!comparison->twins && !evaluation->model->trained_on)
        return;
    leakage->seen = g_new0(guint8, n + 1);
    for (guint i = 0; i < n; i++) {
        Seen seen = seen_by(comparison, evaluation->model, i);
        leakage->seen[i] = (guint8)seen;
        leakage->same += seen == IMAGE_SEEN;
        leakage->alike += seen == IMAGE_ALIKE;
        right += seen == IMAGE_UNSEEN && evaluation->is_right[i];
    }
    leakage->count = leakage->same + leakage->alike;
    guint left = n - leakage->count;
    leakage->accuracy = left ? (double)right / left : NAN;
    leakage->interval = interval_share(evaluation->is_right, leakage->seen, comparison->units, n);
}

gboolean leakage_find(Comparison *comparison, const LeakageChoice *choice, GError **error)
{
    if (choice->trained_on && !compare_caches(comparison, choice, error))
        return FALSE;
    for (guint j = 0; j < comparison->models; j++)
        measure_leakage(comparison->evaluations[j]);
    return TRUE;
}
