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
    const float *features = cache_features(shard, index, error);
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

/* Opens a shard; the first one, and no other, decides the recipe where the cache is not there yet. */
static gboolean merge_path(Merge *merge, const char *cache, const char *path, GError **error)
{
    g_autoptr(Cache) shard = cache_open(path, error);
    if (!shard)
        return FALSE;
    if (!merge->writer) {
        merge->spec = feature_spec_copy(cache_feature_spec(shard));
        merge->writer = cache_writer_open(cache, merge->spec, error);
    }
    if (!merge->writer) {
        g_prefix_error(error, "%s cannot be merged: ", path);
        return FALSE;
    }
    g_autofree char *difference = feature_spec_difference(cache_feature_spec(shard), merge->spec);
    if (difference)
        return error_set(error, "%s cannot be merged: it was made in another way (%s)", path, difference);
    return merge_shard(merge, shard, error);
}

Status merge(const Options *options, GError **error)
{
    Merge merge = {0};
    gboolean fine = TRUE;
    for (char **shard = options->arguments + 1; fine && *shard && !interrupted(); shard++)
        fine = merge_path(&merge, options->arguments[0], *shard, error);
    cache_writer_close(merge.writer);
    feature_spec_free(merge.spec);
    if (!fine)
        return STATUS_FAILED;
    printf("%u new, %u unchanged, %u skipped\n", merge.added, merge.unchanged, merge.skipped);
    if (!interrupted())
        return STATUS_DONE;
    error_set(error, "interrupted; %s keeps what was merged: run the same command to continue",
              options->arguments[0]);
    return STATUS_FAILED;
}
