/* cache_source: see cache_source.h. */
#include "train/data/cache_source.h"

#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/core/rng.h"

#include <string.h>

enum { PAGE = 4096 };

static void add(CacheSource *source, guint32 item, int label)
{
    source->items[source->count] = item;
    source->labels[source->count++] = label;
}

static CacheSource source_for(Cache *cache)
{
    guint n = MAX(1, cache_count(cache));
    return (CacheSource){.cache = cache, .items = g_new(guint32, n), .labels = g_new(int, n)};
}

void cache_source_clear(CacheSource *source)
{
    g_clear_pointer(&source->items, g_free);
    g_clear_pointer(&source->labels, g_free);
    g_clear_pointer(&source->copy_items, g_free);
}

static gboolean check_split(const Cache *cache, double split, guint used_classes, guint training,
                            guint validation, GError **error)
{
    if (used_classes < 2)
        return error_set(error, "%s: it has images of %u %s, but a classifier needs at least two",
                         cache_path(cache), used_classes, plural(used_classes, "class", "classes"));
    if (split > 0 && (!training || !validation))
        return error_set(error,
                         "%s: a validation split of %g leaves %u images for training and %u for validation; "
                         "choose another --validation-split, or 0 for none",
                         cache_path(cache), split, training, validation);
    return TRUE;
}

gboolean cache_source_split(Cache *cache, double split, ValidationOrder order, CacheSource *training,
                            CacheSource *validation, GError **error)
{
    guint classes = cache_classes(cache), n = cache_count(cache), used = 0;
    g_autofree guint *images = g_new0(guint, classes + 1);
    g_autofree int *labels = g_new(int, n + 1);
    g_autofree const char **keys = g_new(const char *, n + 1), **groups = g_new(const char *, n + 1),
                          **names = g_new(const char *, classes + 1);
    for (guint i = 0; i < n; i++) {
        labels[i] = cache_item(cache, i)->label;
        keys[i] = cache_item(cache, i)->path;
        groups[i] = cache_item(cache, i)->given.group;
        used += images[labels[i]]++ == 0;
    }
    for (guint c = 0; c < classes; c++)
        names[c] = cache_class(cache, (int)c);
    const ValidationImages all = {n, classes, labels, keys, groups, names};
    g_autofree gboolean *validates = validation_split(&all, split, order, error);
    if (!validates)
        return FALSE;
    *training = source_for(cache);
    *validation = source_for(cache);
    for (guint i = 0; i < n; i++)
        add(validates[i] ? validation : training, i, labels[i]);
    return check_split(cache, split, used, training->count, validation->count, error);
}

static int find_class(const Cache *cache, const char *name)
{
    for (guint c = 0; c < cache_classes(cache); c++)
        if (g_str_equal(cache_class(cache, (int)c), name))
            return (int)c;
    return -1;
}

gboolean cache_source_all(Cache *cache, const Cache *like, CacheSource *source, GError **error)
{
    g_autofree char *difference =
        feature_spec_difference(cache_feature_spec(cache), cache_feature_spec(like));
    g_autofree int *labels = g_new(int, cache_classes(cache) + 1);
    *source = source_for(cache);
    if (difference)
        return error_set(error, "%s: cannot be used as validation data for a model trained on %s: %s",
                         cache_path(cache), cache_path(like), difference);
    for (guint c = 0; c < cache_classes(cache); c++)
        if ((labels[c] = find_class(like, cache_class(cache, (int)c))) < 0)
            return error_set(error, "%s: its class %s is not a class of %s", cache_path(cache),
                             cache_class(cache, (int)c), cache_path(like));
    for (guint i = 0; i < cache_count(cache); i++)
        add(source, i, labels[cache_item(cache, i)->label]);
    return source->count || error_set(error, "%s: it has no images to validate on", cache_path(cache));
}

/* ---- Augmented copies ---- */

/* Path of an image -> its index in the source, plus 1. */
static GHashTable *places_by_path(const CacheSource *source)
{
    GHashTable *places = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < source->count; i++)
        g_hash_table_insert(places, (gpointer)cache_item(source->cache, source->items[i])->path,
                            GUINT_TO_POINTER(i + 1));
    return places;
}

/* The cache item of copy k = 1 … copies of each image; 0, which is an image and no copy, if there is
 * none. */
static void find_copies(CacheSource *source)
{
    g_autoptr(GHashTable) places = places_by_path(source);
    for (guint i = cache_count(source->cache); i < cache_total(source->cache); i++) {
        const CacheItem *item = cache_item(source->cache, i);
        guint copy;
        g_autofree char *image = g_strndup(item->path, cache_path_image(item->path, &copy));
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, image));
        if (place && copy <= source->copies)
            source->copy_items[(gsize)(place - 1) * source->copies + copy - 1] = i;
    }
}

static guint max_copies(Cache *cache)
{
    guint max = 0;
    for (guint i = cache_count(cache); i < cache_total(cache); i++)
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
                         cache_path(cache));
    source->copy_items = g_new0(guint32, (gsize)source->count * source->copies);
    find_copies(source);
    for (gsize i = 0; i < (gsize)source->count * source->copies; i++)
        if (!source->copy_items[i])
            return error_set(error, "%s: %s has no copy %u; extract --augment %u adds what is missing",
                             cache_path(cache), cache_item(cache, source->items[i / source->copies])->path,
                             (guint)(i % source->copies) + 1, source->copies);
    return TRUE;
}

/* The cache item used for an image in this epoch. */
static guint32 item_of(const CacheSource *source, guint32 index, int epoch)
{
    if (!source->copies)
        return source->items[index];
    Rng rng = rng_new(source->seed, ((guint64)epoch << 32) | index);
    return source->copy_items[(gsize)index * source->copies + rng_below(&rng, source->copies)];
}

gboolean cache_source_fit(const CacheSource *source, Scaling *scaling, GError **error)
{
    g_autofree float *buffer = g_new(float, feature_spec_features(cache_feature_spec(source->cache)));
    for (guint i = 0; i < source->count; i++)
        if (!cache_features(source->cache, source->items[i], buffer, error))
            return FALSE;
    const Rows all = cache_rows(source->cache);
    const RowsChoice choice = {&all, source->items};
    const Rows rows = rows_choose(&choice, source->count);
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
    gsize features = feature_spec_features(cache_feature_spec(source->cache));
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

MemoryNeed cache_source_memory(const CacheSource *source)
{
    MemoryNeed need = {0};
    guint nonzeros;
    for (guint i = 0; i < source->count; i++)
        need.files += cache_stored(source->cache, source->items[i], &nonzeros);
    return need;
}

BatchSource cache_source_batches(CacheSource *source)
{
    return (BatchSource){.count = source->count,
                         .labels = source->labels,
                         .fetch = fetch,
                         .user = source,
                         .features = feature_spec_features(cache_feature_spec(source->cache))};
}

void cache_source_identify(const CacheSource *source, GChecksum *sum)
{
    feature_spec_identify(cache_feature_spec(source->cache), sum);
    for (guint c = 0; c < cache_classes(source->cache); c++) {
        const char *name = cache_class(source->cache, (int)c);
        g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name) + 1);
    }
    for (guint i = 0; i < source->count; i++) {
        const CacheItem *item = cache_item(source->cache, source->items[i]);
        g_checksum_update(sum, (const guchar *)item->path, (gssize)strlen(item->path) + 1);
        g_checksum_update(sum, (const guchar *)&source->labels[i], sizeof source->labels[i]);
        g_checksum_update(sum, item->hash, CACHE_HASH);
    }
    for (gsize i = 0; i < (gsize)source->count * source->copies; i++)
        g_checksum_update(sum, cache_item(source->cache, source->copy_items[i])->hash, CACHE_HASH);
}
