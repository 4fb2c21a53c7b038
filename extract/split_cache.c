/* split_cache: extract --split, a finished cache divided into two, without images; see actions.h. */
#include "common/cache/alike.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/partition.h"
#include "extract/actions.h"
#include "extract/new_cache.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    Cache *cache;
    PartitionItem *items; /* of the images */
    GHashTable *places;   /* path -> 1 + part */
    CacheWriter *writers[2];
    guint images[2];
    guint kept_together; /* images that are alike others */
} Split;

static void split_clear(Split *split)
{
    cache_writer_close(split->writers[0]);
    cache_writer_close(split->writers[1]);
    cache_close(split->cache);
    g_free(split->items);
    g_clear_pointer(&split->places, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Split, split_clear)

/* Images of one group, and those that are alike, are one unit, as are groups that have images alike. */
static gboolean divide(Split *split, const Options *options, double share, GError **error)
{
    guint n = split->cache->images;
    g_autoptr(Dataset) images = cache_dataset(split->cache);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)options->common.threads);
    g_autoptr(Alike) alike = alike_find(&split->cache, 1, options->similarity, thread_pool, error);
    if (!alike)
        return FALSE;
    split->items = partition_items(images);
    for (guint i = 0; i < n; i++)
        split->kept_together += alike->first[i] != i;
    for (guint i = 0; i < n; i++)
        alike_join(alike, i, split->items[i].unit);
    for (guint i = 0; i < n; i++)
        split->items[i].unit = alike_first(alike, i);
    if (!partition(split->items, n, share, (const char *const *)images->classes->pdata, images->classes->len,
                   "--split", error))
        return FALSE;
    split->places = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < n; i++)
        g_hash_table_insert(split->places, (gpointer)cache_item(split->cache, i)->path,
                            GINT_TO_POINTER(1 + split->items[i].place));
    return TRUE;
}

/* The part of an item; -1 for an augmented copy of a test image, which is left out. What has no label is not tested on. */
static int part_of(const Split *split, const CacheItem *item)
{
    g_autofree char *image = cache_path_image(item->path);
    int place = GPOINTER_TO_INT(g_hash_table_lookup(split->places, image)) - 1;
    return place == 1 && item->copy ? -1 : MAX(place, 0);
}

static gboolean put(Split *split, guint index, float *buffer, GError **error)
{
    const CacheItem *item = cache_item(split->cache, index);
    int part = part_of(split, item);
    if (part < 0)
        return TRUE;
    const float *features = cache_features(split->cache, index, buffer, error);
    if (!features)
        return FALSE;
    split->images[part] += index < split->cache->images;
    return new_cache_put(split->writers[part], split->cache, index, features, error);
}

static gboolean put_all(Split *split, GError **error)
{
    guint n = split->cache->all;
    g_autofree float *buffer = g_new(float, feature_spec_features(split->cache->spec));
    g_autoptr(Progress) progress = progress_new("Splitting", n, "items");
    for (guint i = 0; i < n && !interrupted(); i++, progress_tick(progress, 1))
        if (!put(split, i, buffer, error))
            return FALSE;
    new_cache_skip(split->writers[0], split->cache);
    return cache_writer_commit(split->writers[0], error) && cache_writer_commit(split->writers[1], error) &&
           (!interrupted() ||
            error_set(error, "interrupted: delete both parts, and run the same command again"));
}

Status extract_split(const Options *options, GError **error)
{
    char **arguments = options->arguments;
    g_auto(Split) split = {.cache = cache_open(arguments[0], error)};
    if (!split.cache || !divide(&split, options, options->split_share, error))
        return STATUS_FAILED;
    for (guint part = 0; part < 2; part++)
        if (!(split.writers[part] = new_cache(split.cache, split.cache->spec, arguments[1 + part], error)))
            return STATUS_FAILED;
    if (!put_all(&split, error))
        return STATUS_FAILED;
    printf("%s: %u %s\n%s: %u %s\n", arguments[1], split.images[0],
           plural(split.images[0], "image", "images"), arguments[2], split.images[1],
           plural(split.images[1], "image", "images"));
    if (split.kept_together)
        cli_remark("%u %s kept with others that are nearly the same", split.kept_together,
                   plural(split.kept_together, "image is", "images are"));
    return STATUS_DONE;
}
