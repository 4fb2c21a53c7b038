/* novelty: see novelty.h. */
#include "common/model/novelty.h"

#include "common/core/floats.h"
#include "common/network/dense.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 }; /* images compared at a time */

guint novelty_most(const int shape[3])
{
    const gsize bytes = 2 << 20, few = 64, many = 1024;
    return (guint)CLAMP(bytes / ((gsize)shape[2] * sizeof(float)), few, many);
}

gsize novelty_bytes(const int shape[3], guint images)
{
    return MIN(images, novelty_most(shape)) * ((gsize)shape[2] + 1) * sizeof(float);
}

Novelty *novelty_new(const int shape[3], guint n)
{
    Novelty *novelty = g_new(Novelty, 1);
    gsize width = (gsize)shape[2];
    *novelty = (Novelty){.shape = {shape[0], shape[1], shape[2]},
                         .width = width,
                         .n = n,
                         .images = g_new0(float, width *n),
                         .held = g_new0(float, n),
                         .limit = -INFINITY};
    return novelty;
}

void novelty_free(Novelty *novelty)
{
    if (!novelty)
        return;
    g_free(novelty->images);
    g_free(novelty->held);
    g_free(novelty);
}

void novelty_summary(const int shape[3], const float *x, float *out)
{
    gsize places = (gsize)shape[0] * (gsize)shape[1], width = (gsize)shape[2];
    double squares = 0;
    g_autofree double *sums = g_new0(double, width);
    for (gsize p = 0; p < places; p++, x += width)
        for (gsize c = 0; c < width; c++)
            sums[c] += x[c];
    for (gsize c = 0; c < width; c++)
        squares += sums[c] * sums[c];
    for (gsize c = 0; c < width; c++)
        out[c] = squares > 0 && isfinite(squares) ? (float)(sums[c] / sqrt(squares)) : 0;
}

/* cosines (count, n): of summaries with all images kept. */
static void compare(const Novelty *novelty, ThreadPool *thread_pool, const float *const *summaries, int count,
                    float *cosines)
{
    int width = (int)novelty->width, n = (int)novelty->n;
    g_auto(Arena) arena = {0};
    dense_new(&arena, width, n, BLOCK, FALSE, thread_pool);
    arena_take(&arena);
    const Dense dense = dense_new(&arena, width, n, BLOCK, FALSE, thread_pool);
    g_autofree float *xt = g_new(float, novelty->width *BLOCK), *bias = g_new0(float, novelty->n);
    dense_transpose(&dense, summaries, count, xt);
    dense_forward(&dense, (DenseBatch){xt, count}, novelty->images, bias, cosines);
}

void novelty_similarities(const Novelty *novelty, ThreadPool *thread_pool, const float *const *x, int n,
                          float *out)
{
    const float *summaries[BLOCK];
    g_autofree float *block = g_new(float, BLOCK * novelty->width);
    g_autofree float *cosines = g_new(float, BLOCK *(gsize)novelty->n);
    for (int first = 0; first < n; first += BLOCK) {
        int count = MIN(BLOCK, n - first);
        for (int i = 0; i < count; i++) {
            novelty_summary(novelty->shape, x[first + i], block + (gsize)i * novelty->width);
            summaries[i] = block + (gsize)i * novelty->width;
        }
        compare(novelty, thread_pool, summaries, count, cosines);
        for (int i = 0; i < count; i++) {
            const float *row = cosines + (gsize)i * novelty->n;
            float nearest = row[0];
            for (guint j = 1; j < novelty->n; j++)
                nearest = MAX(nearest, row[j]);
            out[first + i] = MIN(nearest, 1); /* not above by rounding */
        }
    }
}

/* summaries and groups (n): of the images kept. FALSE where one has no image of another group. */
static gboolean hold_out(Novelty *novelty, const float *const *summaries, const char *const *groups,
                         ThreadPool *thread_pool)
{
    guint n = novelty->n;
    g_autofree float *cosines = g_new(float, BLOCK *(gsize)n);
    for (guint i = 0; i < n; i++) {
        guint first = i - i % BLOCK;
        if (i == first)
            compare(novelty, thread_pool, summaries + i, (int)MIN(BLOCK, n - i), cosines);
        float nearest = -INFINITY;
        for (guint j = 0; j < n; j++)
            if (j != i && (!groups[i] || g_strcmp0(groups[i], groups[j]) != 0))
                nearest = MAX(nearest, cosines[(gsize)(i - first) * n + j]);
        if (!isfinite(nearest))
            return FALSE;
        novelty->held[i] = MIN(nearest, 1);
    }
    floats_sort(novelty->held, n);
    return TRUE;
}

gboolean novelty_fit(Cache *cache, const guint32 *items, guint count, ThreadPool *thread_pool,
                     Novelty **novelty, GError **error)
{
    const FeatureSpec *spec = cache->spec;
    gsize width = (gsize)spec->shape[2];
    guint n = MIN(novelty_most(spec->shape), count);
    g_autoptr(Novelty) fitted = novelty_new(spec->shape, n);
    g_autofree float *buffer = g_new(float, feature_spec_features(spec)), *kept = g_new(float, width *n);
    g_autofree const float **summaries = g_new(const float *, n);
    g_autofree const char **groups = g_new(const char *, n);
    for (guint i = 0; i < n; i++) {
        guint at = (guint)((guint64)i * count / n), item = items ? items[at] : at;
        const float *x = cache_features(cache, item, buffer, error);
        if (!x)
            return FALSE;
        groups[i] = cache_item(cache, item)->given.group;
        summaries[i] = kept + i * width;
        novelty_summary(spec->shape, x, kept + i * width);
        for (gsize c = 0; c < width; c++)
            fitted->images[c * n + i] = summaries[i][c];
    }
    if (hold_out(fitted, summaries, groups, thread_pool))
        *novelty = g_steal_pointer(&fitted);
    return TRUE;
}

double novelty_limit(const float *ascending, guint n, double share)
{
    guint below = (guint)((1 - share) * n + 1e-9);
    return ascending[MIN(below, n - 1)];
}
