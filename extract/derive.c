/* derive: what follows from the features of a cache, pooled or those of a later layer, without images; see actions.h. */
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/vgg16/base.h"
#include "extract/actions.h"
#include "extract/new_cache.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 }; /* items at a time */

typedef struct {
    Cache *cache;
    Weights *weights;  /* of fc1 and fc2; else NULL */
    FeatureSpec *spec; /* of what follows */
    Network *network;  /* to it, from the cache's features */
    ThreadPool *thread_pool;
    CacheWriter *writer;
    float *in, *out; /* (BLOCK, features) of each */
} Derivation;

static void derivation_clear(Derivation *d)
{
    cache_writer_close(d->writer);
    thread_pool_free(d->thread_pool);
    network_free(d->network);
    weights_free(d->weights);
    feature_spec_free(d->spec);
    cache_close(d->cache);
    g_free(d->in);
    g_free(d->out);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Derivation, derivation_clear)

/* Where the cache's features lead to, and the way there. */
static gboolean find_way(Derivation *d, const Options *options, GError **error)
{
    const FeatureSpec *from = d->cache->spec;
    int cut = cli_given("layer") ? vgg16_find(options->layer) : -1;
    if (!vgg16_is_dense(cut) && options->weights)
        return error_set(error, "--weights is not used: only --layer fc1 and fc2 of a CACHE need weights");
    if (vgg16_is_dense(cut) && !(d->weights = weights_open(options->weights, cut, error)))
        return FALSE;
    d->spec = feature_spec_copy(from);
    if ((cli_given("layer") && !feature_spec_go_on(d->spec, d->weights, options->layer, error)) ||
        !feature_spec_pool(d->spec, options->pool, error)) {
        g_prefix_error(error, "%s: ", d->cache->path);
        return FALSE;
    }
    d->network = network_new(from->shape[0], from->shape[1], from->shape[2]);
    if (!vgg16_append(d->network, vgg16_find(from->layer) + 1, vgg16_find(d->spec->layer), error) ||
        !vgg16_append_pool(d->network, options->pool, error))
        return FALSE;
    base_freeze(d->network, d->weights, NULL);
    return TRUE;
}

static gboolean derive_block(Derivation *d, guint first, guint n, GError **error)
{
    gsize features = feature_spec_features(d->cache->spec), derived = feature_spec_features(d->spec);
    const float *rows[BLOCK];
    for (guint i = 0; i < n; i++)
        if (!(rows[i] = cache_features(d->cache, first + i, d->in + i * features, error)))
            return FALSE;
    network_predict(d->network, d->thread_pool, rows, (int)n, d->out);
    for (guint i = 0; i < n; i++)
        if (!new_cache_put(d->writer, d->cache, first + i, d->out + i * derived, error))
            return FALSE;
    return TRUE;
}

static gboolean derive_all(Derivation *d, GError **error)
{
    guint n = d->cache->all;
    d->in = g_new(float, BLOCK *feature_spec_features(d->cache->spec));
    d->out = g_new(float, BLOCK *feature_spec_features(d->spec));
    g_autoptr(Progress) progress = progress_new("Deriving", n, "items");
    for (guint i = 0; i < n; i += BLOCK, progress_tick(progress, MIN(BLOCK, n - i)))
        if (interrupted() || !derive_block(d, i, MIN(BLOCK, n - i), error))
            return !interrupted()
                       ? FALSE
                       : error_set(error, "interrupted: delete what there is of the new cache, and run "
                                          "the same command again");
    new_cache_skip(d->writer, d->cache);
    return cache_writer_commit(d->writer, error);
}

Status extract_derive(const Options *options, GError **error)
{
    const char *path = options->arguments[1];
    g_auto(Derivation) d = {.cache = cache_open(options->arguments[0], error)};
    if (!d.cache || !find_way(&d, options, error) || !(d.writer = new_cache(d.cache, d.spec, path, error)))
        return STATUS_FAILED;
    d.thread_pool = thread_pool_new((guint)options->common.threads);
    if (!derive_all(&d, error))
        return STATUS_FAILED;
    guint n = d.cache->all;
    printf("%s: %u %s of %" G_GSIZE_FORMAT " features\n", path, n, plural(n, "item", "items"),
           feature_spec_features(d.spec));
    return STATUS_DONE;
}
