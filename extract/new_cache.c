/* new_cache: see new_cache.h. */
#include "extract/new_cache.h"

#include "common/core/error.h"
#include "common/core/plural.h"

CacheWriter *new_cache(const Cache *from, const FeatureSpec *spec, const char *path, GError **error)
{
    CacheStore store = from->catalog->store;
    CacheForm form = {.store = &store};
    g_autoptr(CacheWriter) writer = cache_writer_open(path, spec, &form, error);
    g_autoptr(Cache) stored = writer ? cache_writer_list(writer, error) : NULL;
    guint n = stored ? stored->all + stored->skipped->len : 0;
    if (n)
        error_set(error, "%s has %u %s already: name a new cache", path, n, plural(n, "item", "items"));
    return stored && !n ? g_steal_pointer(&writer) : NULL;
}

gboolean new_cache_put(CacheWriter *writer, Cache *from, guint index, const float *features, GError **error)
{
    const CacheItem *item = cache_item(from, index);
    cache_writer_put(writer, item->path, &item->given, item->hash, features);
    cache_forget(from, index);
    return cache_writer_commit_often(writer, error);
}

guint new_cache_skip(CacheWriter *writer, const Cache *from)
{
    guint n = 0;
    guint8 hash[CACHE_HASH];
    for (guint i = 0; i < from->skipped->len; i++) {
        CacheSkipped skipped = cache_skipped(from, i);
        if (cache_writer_lookup(writer, skipped.path, hash))
            continue;
        cache_writer_skip(writer, skipped.path, skipped.reason);
        n++;
    }
    return n;
}
