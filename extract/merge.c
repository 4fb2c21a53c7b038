#include "common/cache/cache.h"
#include "common/cache/cache_error.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "extract/actions.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_EVERY = 64 };

typedef struct {
    CacheWriter *writer;
    FeatureSpec *spec; /* of the first shard */
    float *buffer;     /* (D) */
    guint added, unchanged, skipped;
} Merge;

/* The same path with another content cannot be the same image: nobody but the user knows which to keep. */
static gboolean merge_item(Merge *merge, Cache *shard, guint index, GError **error)
{
    const CacheItem *item = cache_item(shard, index);
    guint8 hash[CACHE_HASH];
    if (cache_writer_lookup(merge->writer, item->path, hash)) {
        merge->unchanged++;
        return memcmp(hash, item->hash, CACHE_HASH) == 0 ||
               error_set(error,
                         "%s: %s is in the cache already with other content: remove the wrong one first",
                         cache_path(shard), item->path);
    }
    const float *features = cache_features(shard, index, merge->buffer, error);
    if (!features)
        return FALSE;
    cache_writer_put(merge->writer, item->path, cache_class(shard, (guint)item->label), item->hash, features);
    cache_forget(shard, index);
    merge->added++;
    return cache_writer_pending(merge->writer) < COMMIT_EVERY || cache_writer_commit(merge->writer, error);
}

static gboolean merge_shard(Merge *merge, Cache *shard, GError **error)
{
    guint n = cache_total(shard), n_skipped = cache_skipped_count(shard);
    guint8 hash[CACHE_HASH];
    g_autoptr(Progress) progress = progress_new(cache_path(shard), n, "items");
    for (guint i = 0; i < n && !interrupted(); i++, progress_tick(progress, 1))
        if (!merge_item(merge, shard, i, error))
            return FALSE;
    for (guint i = 0; i < n_skipped && !interrupted(); i++) {
        CacheSkipped skipped = cache_skipped(shard, i);
        if (cache_writer_lookup(merge->writer, skipped.path, hash))
            continue;
        cache_writer_skip(merge->writer, skipped.path, skipped.reason);
        merge->skipped++;
    }
    return cache_writer_commit(merge->writer, error);
}

/* The first shard, and no other, decides the recipe and the store where the cache is not there yet. */
static gboolean open_writer(Merge *merge, const Options *options, const Cache *shard, GError **error)
{
    CacheStore store = options->has_store ? options->store : cache_store(shard);
    gboolean chosen = options->has_store || cache_store(shard) == CACHE_FLOAT16;
    merge->spec = feature_spec_copy(cache_feature_spec(shard));
    merge->buffer = g_new(float, feature_spec_features(merge->spec));
    merge->writer = cache_writer_open(options->arguments[0], merge->spec, chosen ? &store : NULL, error);
    return merge->writer || (g_prefix_error(error, "%s cannot be merged: ", cache_path(shard)), FALSE);
}

/* Half floats do not become exact again. */
static gboolean check_shard(const Merge *merge, const Cache *shard, GError **error)
{
    g_autofree char *difference = feature_spec_difference(cache_feature_spec(shard), merge->spec);
    if (difference)
        return error_set(error, "%s cannot be merged: it was made in another way (%s)", cache_path(shard),
                         difference);
    if (cache_store(shard) == CACHE_FLOAT16 && cache_writer_store(merge->writer) != CACHE_FLOAT16)
        return error_set(
            error,
            "%s cannot be merged: its features were rounded to half floats, and the cache's are not; "
            "merge into a new cache with --store float16",
            cache_path(shard));
    return TRUE;
}

static gboolean merge_path(Merge *merge, const Options *options, const char *path, GError **error)
{
    g_autoptr(Cache) shard = cache_open(path, error);
    if (!shard || (!merge->writer && !open_writer(merge, options, shard, error)) ||
        !check_shard(merge, shard, error))
        return FALSE;
    return merge_shard(merge, shard, error);
}

Status merge(const Options *options, GError **error)
{
    Merge merge = {0};
    gboolean fine = TRUE;
    for (char **shard = options->arguments + 1; fine && *shard && !interrupted(); shard++)
        fine = merge_path(&merge, options, *shard, error);
    cache_writer_close(merge.writer);
    feature_spec_free(merge.spec);
    g_free(merge.buffer);
    if (!fine)
        return STATUS_FAILED;
    printf("%u new, %u unchanged, %u skipped\n", merge.added, merge.unchanged, merge.skipped);
    if (!interrupted())
        return STATUS_DONE;
    error_set(error, "interrupted; %s keeps what was merged: run the same command to continue",
              options->arguments[0]);
    return STATUS_FAILED;
}
