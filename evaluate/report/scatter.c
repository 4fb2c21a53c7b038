/* scatter: see scatter.h. */
#include "evaluate/report/scatter.h"

#include "common/arithmetic/components.h"
#include "common/cache/cache.h"

/* All, or SCATTER_MAX at even distances. */
guint scatter_image(const Scatter *scatter, guint i)
{
    return (guint)((guint64)i * scatter->comparison->n / scatter->n);
}

static gboolean find_coordinates(Scatter *scatter, GError **error)
{
    Cache *cache = scatter->comparison->images->cache;
    g_autofree guint *items = g_new(guint, scatter->n);
    g_autofree float *buffer = g_new(float, feature_spec_features(cache_feature_spec(cache)));
    for (guint i = 0; i < scatter->n; i++) {
        items[i] = scatter_image(scatter, i);
        if (!cache_features(cache, items[i], buffer, error)) /* which verifies its checksum */
            return FALSE;
    }
    const Rows rows_of_all = cache_rows(cache);
    const RowsChoice shown = {&rows_of_all, items};
    const Rows rows = rows_choose(&shown, scatter->n);
    return principal_components(&rows, 2, scatter->comparison->thread_pool, scatter->xy, scatter->shares,
                                error);
}

Scatter *scatter_new(const Comparison *comparison, GError **error)
{
    guint n = MIN(comparison->n, SCATTER_MAX);
    g_autoptr(Scatter) scatter = g_new0(Scatter, 1);
    *scatter = (Scatter){
        .comparison = comparison, .best = comparison->verdict.best, .n = n, .xy = g_new(double, 2 * n)};
    return find_coordinates(scatter, error) ? g_steal_pointer(&scatter) : NULL;
}

void scatter_free(Scatter *scatter)
{
    if (!scatter)
        return;
    g_free(scatter->xy);
    g_free(scatter);
}
