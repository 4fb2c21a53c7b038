/* scatter: see scatter.h. */
#include "evaluate/report/scatter.h"

#include "common/arithmetic/components.h"
#include "common/cache/cache.h"
#include "common/core/error.h"
#include "evaluate/metrics/verdict.h"

/* ---- The coordinates ---- */

/* Which of the comparison's images are shown: all, or SCATTER_MAX at even distances. */
static guint nth_shown(const Scatter *scatter, guint i)
{
    return (guint)((guint64)i * scatter->all / scatter->n);
}

/* The cache's items behind the images shown, each read once, so that its checksum is verified. */
static gboolean find_items(Cache *cache, const Comparison *comparison, const Scatter *scatter, guint *items,
                           GError **error)
{
    g_autoptr(GHashTable) by_path = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree float *buffer = g_new(float, feature_spec_features(cache_feature_spec(cache)));
    for (guint i = 0; i < cache_count(cache); i++)
        g_hash_table_insert(by_path, (gpointer)cache_item(cache, i)->path, GUINT_TO_POINTER(i));
    for (guint i = 0; i < scatter->n; i++) {
        const char *path = comparison->images->paths->pdata[nth_shown(scatter, i)];
        gpointer item;
        if (!g_hash_table_lookup_extended(by_path, path, NULL, &item))
            return error_set(error, "%s: %s has disappeared from it in the meantime; run evaluate again",
                             cache_path(cache), path);
        items[i] = GPOINTER_TO_UINT(item);
        if (!cache_features(cache, items[i], buffer, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean find_coordinates(const Comparison *comparison, guint threads, Scatter *scatter,
                                 GError **error)
{
    g_autoptr(Cache) cache = cache_open(comparison->images->source, error);
    g_autofree guint *items = g_new(guint, scatter->n);
    if (!cache || !find_items(cache, comparison, scatter, items, error))
        return FALSE;
    const Rows all = cache_rows(cache);
    const RowsChoice shown = {&all, items};
    const Rows rows = rows_choose(&shown, scatter->n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_autofree double *scores = g_new(double, 2 * (gsize)scatter->n);
    if (!principal_components(&rows, 2, thread_pool, scores, scatter->shares, error))
        return FALSE;
    for (guint i = 0; i < scatter->n; i++) {
        scatter->x[i] = scores[2 * i];
        scatter->y[i] = scores[2 * i + 1];
    }
    return TRUE;
}

Scatter *scatter_new(const Comparison *comparison, guint threads, GError **error)
{
    guint all = comparison_count(comparison), n = MIN(all, SCATTER_MAX);
    g_autoptr(Verdict) verdict = verdict_new(comparison);
    const Evaluation *best = comparison_model(comparison, verdict->best);
    g_autoptr(Scatter) scatter = g_new0(Scatter, 1);
    *scatter = (Scatter){.n = n,
                         .all = all,
                         .x = g_new(double, n),
                         .y = g_new(double, n),
                         .labels = g_new(int, n),
                         .wrong = g_new(gboolean, n),
                         .mistakes = g_new0(guint, comparison_classes(comparison)),
                         .names = test_images_class_names(comparison->images),
                         .classes = comparison_classes(comparison),
                         .model = best->name};
    for (guint i = 0; i < n; i++) {
        guint at = nth_shown(scatter, i);
        scatter->labels[i] = test_images_labels(comparison->images)[at];
        scatter->wrong[i] = best->predicted[at] != scatter->labels[i];
        scatter->mistakes[scatter->labels[i]] += (guint)scatter->wrong[i];
    }
    return find_coordinates(comparison, threads, scatter, error) ? g_steal_pointer(&scatter) : NULL;
}

void scatter_free(Scatter *scatter)
{
    if (!scatter)
        return;
    g_free(scatter->x);
    g_free(scatter->y);
    g_free(scatter->labels);
    g_free(scatter->wrong);
    g_free(scatter->mistakes);
    g_free(scatter);
}
