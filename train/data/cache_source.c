/* cache_source: see cache_source.h. */
#include "train/data/cache_source.h"

#include "common/core/error.h"
#include "common/core/rng.h"

enum { PAGE = 4096 };

void cache_source_clear(CacheSource *source)
{
    g_clear_pointer(&source->copy_items, g_free);
}

Dataset *cache_source_other(Cache *cache, const Cache *like, GError **error)
{
    g_autoptr(Dataset) images = cache_dataset(cache);
    g_autofree char *difference = feature_spec_difference(cache->spec, like->spec);
    const char *lacking;
    if (difference)
        return error_null(error, "%s: cannot be used as validation data for a model trained on %s: %s",
                          cache->path, like->path, difference);
    if (!dataset_adopt_classes(images, like->classes, &lacking))
        return error_null(error, "%s: its class %s is not a class of %s", cache->path, lacking, like->path);
    return images->items->len ? g_steal_pointer(&images)
                              : error_null(error, "%s: it has no images to validate on", cache->path);
}

/* ---- Augmented copies ---- */

/* The cache item of copy k = 1 … copies of each image; 0, which is an image and no copy, if there is
 * none. */
static void find_copies(CacheSource *source)
{
    /* path of an image -> its index in the part, plus 1 */
    g_autoptr(GHashTable) places = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < source->part->count; i++)
        g_hash_table_insert(places, (gpointer)cache_item(source->cache, source->part->items[i])->path,
                            GUINT_TO_POINTER(i + 1));
    for (guint i = source->cache->images; i < source->cache->total; i++) {
        const CacheItem *item = cache_item(source->cache, i);
        g_autofree char *image = cache_path_image(item->path);
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, image));
        if (place && item->copy <= source->copies)
            source->copy_items[(gsize)(place - 1) * source->copies + item->copy - 1] = i;
    }
}

static guint max_copies(Cache *cache)
{
    guint max = 0;
    for (guint i = cache->images; i < cache->total; i++)
        max = MAX(max, cache_item(cache, i)->copy);
    return max;
}

gboolean cache_source_draw_copies(CacheSource *source, guint copies, guint64 seed, GError **error)
{
    Cache *cache = source->cache;
    source->seed = seed;
    source->copies = copies ? copies : max_copies(cache);
    if (!source->copies)
        return error_set(error, "%s: it has no augmented copies; create them with extract --augment K",
                         cache->path);
    source->copy_items = g_new0(guint32, (gsize)source->part->count * source->copies);
    find_copies(source);
    for (gsize i = 0; i < (gsize)source->part->count * source->copies; i++)
        if (!source->copy_items[i])
            return error_set(error, "%s: %s has no copy %u; extract --augment %u adds what is missing",
                             cache->path, cache_item(cache, source->part->items[i / source->copies])->path,
                             (guint)(i % source->copies) + 1, source->copies);
    return TRUE;
}

/* The cache item used for an image in this epoch. */
static guint32 item_of(const CacheSource *source, guint32 index, int epoch)
{
    if (!source->copies)
        return source->part->items[index];
    Rng rng = rng_new(source->seed, ((guint64)epoch << 32) | index);
    return source->copy_items[(gsize)index * source->copies + rng_below(&rng, source->copies)];
}

gboolean cache_source_read(const CacheSource *source, GError **error)
{
    g_autofree float *buffer = g_new(float, feature_spec_features(source->cache->spec));
    for (guint i = 0; i < source->part->count; i++)
        if (!cache_features(source->cache, source->part->items[i], buffer, error))
            return FALSE;
    return TRUE;
}

gboolean cache_source_fit(const CacheSource *source, Scaling *scaling, GError **error)
{
    if (!cache_source_read(source, error))
        return FALSE;
    const Rows all = cache_rows(source->cache);
    const RowsChoice choice = {&all, source->part->items};
    const Rows rows = rows_choose(&choice, source->part->count);
    scaling_fit(scaling, &rows);
    return TRUE;
}

/* ---- As a source ---- */

/* Touches every page, so that this thread waits for the disk rather than the training. */
static void touch(const float *row, gsize features)
{
    for (gsize i = 0; i < features; i += PAGE / sizeof(float))
        (void)*(volatile const float *)(row + i);
}

static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, float *buffer,
                      const float **rows, GError **error)
{
    const CacheSource *source = user;
    gsize features = feature_spec_features(source->cache->spec);
    for (int i = 0; i < n; i++) {
        rows[i] = cache_features(source->cache, item_of(source, indices[i], epoch), buffer, error);
        if (!rows[i])
            return FALSE;
        if (rows[i] == buffer)
            buffer += features;
        else
            touch(rows[i], features);
    }
    return TRUE;
}

BatchSource cache_source_batches(CacheSource *source)
{
    return (BatchSource){.part = source->part,
                         .fetch = fetch,
                         .user = source,
                         .features = feature_spec_features(source->cache->spec)};
}
