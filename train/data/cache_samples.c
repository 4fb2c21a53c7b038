/* cache_samples: see cache_samples.h. */
#include "train/data/cache_samples.h"

#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/core/plural.h"
#include "common/core/rng.h"
#include "train/data/validation_split.h"

#include <string.h>

enum {
    PAGE = 4096,
    RING = 3, /* rows outlive the next two fetches (batches.h) */
};

static void add(CacheSamples *samples, guint32 item, int label)
{
    samples->items[samples->count] = item;
    samples->labels[samples->count++] = label;
}

static CacheSamples samples_for(Cache *cache)
{
    guint n = MAX(1, cache_count(cache));
    return (CacheSamples){.cache = cache, .items = g_new(guint32, n), .labels = g_new(int, n)};
}

void cache_samples_clear(CacheSamples *samples)
{
    g_clear_pointer(&samples->items, g_free);
    g_clear_pointer(&samples->labels, g_free);
    g_clear_pointer(&samples->copy_items, g_free);
    g_clear_pointer(&samples->ring, floats_free);
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

gboolean cache_samples_split(Cache *cache, double split, CacheSamples *training, CacheSamples *validation,
                             GError **error)
{
    guint classes = cache_classes(cache), n = cache_count(cache), used = 0;
    g_autofree guint *images = g_new0(guint, classes + 1);
    g_autofree int *labels = g_new(int, n + 1);
    for (guint i = 0; i < n; i++) {
        labels[i] = cache_item(cache, i)->label;
        used += images[labels[i]]++ == 0;
    }
    g_autofree gboolean *validates = validation_split(labels, n, classes, split);
    *training = samples_for(cache);
    *validation = samples_for(cache);
    for (guint i = 0; i < n; i++)
        add(validates[i] ? validation : training, i, labels[i]);
    return check_split(cache, split, used, training->count, validation->count, error);
}

static int find_class(const Cache *cache, const char *name)
{
    for (guint c = 0; c < cache_classes(cache); c++)
        if (g_str_equal(cache_class(cache, c), name))
            return (int)c;
    return -1;
}

gboolean cache_samples_all(Cache *cache, const Cache *like, CacheSamples *samples, GError **error)
{
    g_autofree char *difference =
        feature_spec_difference(cache_feature_spec(cache), cache_feature_spec(like));
    g_autofree int *labels = g_new(int, cache_classes(cache) + 1);
    *samples = samples_for(cache);
    if (difference)
        return error_set(error, "%s: cannot be used as validation data for a model trained on %s: %s",
                         cache_path(cache), cache_path(like), difference);
    for (guint c = 0; c < cache_classes(cache); c++)
        if ((labels[c] = find_class(like, cache_class(cache, c))) < 0)
            return error_set(error, "%s: its class %s is not a class of %s", cache_path(cache),
                             cache_class(cache, c), cache_path(like));
    for (guint i = 0; i < cache_count(cache); i++)
        add(samples, i, labels[cache_item(cache, i)->label]);
    return samples->count || error_set(error, "%s: it has no images to validate on", cache_path(cache));
}

/* ---- Augmented copies ---- */

/* Path of an image -> its index among the samples, plus 1. */
static GHashTable *places_by_path(const CacheSamples *samples)
{
    GHashTable *places = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < samples->count; i++)
        g_hash_table_insert(places, (gpointer)cache_item(samples->cache, samples->items[i])->path,
                            GUINT_TO_POINTER(i + 1));
    return places;
}

/* The cache item of copy k = 1 … copies of each sample; 0, which is an image and no copy, if there is
 * none. */
static void find_copies(CacheSamples *samples)
{
    g_autoptr(GHashTable) places = places_by_path(samples);
    for (guint i = cache_count(samples->cache); i < cache_total(samples->cache); i++) {
        const CacheItem *item = cache_item(samples->cache, i);
        guint copy;
        g_autofree char *image = g_strndup(item->path, cache_path_image(item->path, &copy));
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, image));
        if (place && copy <= samples->copies)
            samples->copy_items[(gsize)(place - 1) * samples->copies + copy - 1] = i;
    }
}

static guint max_copies(Cache *cache)
{
    guint max = 0;
    for (guint i = cache_count(cache); i < cache_total(cache); i++)
        max = MAX(max, cache_item(cache, i)->copy);
    return max;
}

gboolean cache_samples_draw_copies(CacheSamples *samples, guint copies, guint64 seed, GError **error)
{
    Cache *cache = samples->cache;
    samples->seed = seed;
    samples->copies = copies ? copies : max_copies(cache);
    if (!samples->copies)
        return error_set(error, "%s: it has no augmented copies; create them with extract --augment K",
                         cache_path(cache));
    samples->copy_items = g_new0(guint32, (gsize)samples->count * samples->copies);
    find_copies(samples);
    for (gsize i = 0; i < (gsize)samples->count * samples->copies; i++)
        if (!samples->copy_items[i])
            return error_set(error, "%s: %s has no copy %u; extract --augment %u adds what is missing",
                             cache_path(cache), cache_item(cache, samples->items[i / samples->copies])->path,
                             (guint)(i % samples->copies) + 1, samples->copies);
    return TRUE;
}

/* The cache item used for a sample in this epoch. */
static guint32 item_of(const CacheSamples *samples, guint32 index, int epoch)
{
    if (!samples->copies)
        return samples->items[index];
    Rng rng = rng_new(samples->seed, ((guint64)epoch << 32) | index);
    return samples->copy_items[(gsize)index * samples->copies + rng_below(&rng, samples->copies)];
}

/* ---- As rows ---- */
static const float *part(gconstpointer user, guint row, gsize first, gsize count, float *buffer)
{
    const CacheSamples *samples = user;
    g_autoptr(GError) error = NULL;
    const float *features =
        cache_features_range(samples->cache, samples->items[row], first, count, buffer, &error);
    if (!features)
        g_error("%s", error->message); /* it was intact a moment ago */
    return features;
}

gboolean cache_samples_rows(const CacheSamples *samples, Rows *rows, GError **error)
{
    gsize features = feature_spec_features(cache_feature_spec(samples->cache)), bytes = 0;
    gint64 nonzeros;
    g_autofree float *buffer = g_new(float, features);
    for (guint i = 0; i < samples->count; i++) {
        if (!cache_features(samples->cache, samples->items[i], buffer, error))
            return FALSE;
        bytes += cache_stored(samples->cache, samples->items[i], &nonzeros);
    }
    *rows = (Rows){samples->count, features, bytes / MAX(samples->count, 1), part, samples};
    return TRUE;
}

/* ---- As a source ---- */

/* Touches every page, so that this thread waits for the disk rather than the training. */
static void touch(const float *row, gsize features)
{
    for (gsize i = 0; i < features; i += PAGE / sizeof(float))
        (void)*(volatile const float *)(row + i);
}

static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, const float **rows,
                      GError **error)
{
    CacheSamples *samples = user;
    gsize features = feature_spec_features(cache_feature_spec(samples->cache));
    float *buffer = samples->ring + samples->turn++ % RING * samples->batch * features;
    for (int i = 0; i < n; i++, buffer += features) {
        rows[i] = cache_features(samples->cache, item_of(samples, indices[i], epoch), buffer, error);
        if (!rows[i])
            return FALSE;
        if (rows[i] != buffer)
            touch(rows[i], features);
    }
    return TRUE;
}

MemoryNeed cache_samples_memory(const CacheSamples *samples, int batch)
{
    gsize features = feature_spec_features(cache_feature_spec(samples->cache));
    gsize ring = RING * (gsize)MIN((guint)batch, samples->count) * features * sizeof(float);
    gboolean in_place = cache_store(samples->cache) == CACHE_FLOAT32;
    MemoryNeed need = {.memory = in_place ? 0 : ring, .address = in_place ? ring : 0};
    gint64 nonzeros;
    for (guint i = 0; i < samples->count; i++)
        need.files += cache_stored(samples->cache, samples->items[i], &nonzeros);
    return need;
}

BatchSource cache_samples_source(CacheSamples *samples, int batch)
{
    samples->batch = (int)MIN((guint)batch, samples->count);
    samples->ring =
        floats_new(RING * (gsize)samples->batch * feature_spec_features(cache_feature_spec(samples->cache)));
    return (BatchSource){samples->count, samples->labels, fetch, samples};
}

void cache_samples_identify(const CacheSamples *samples, GChecksum *sum)
{
    feature_spec_identify(cache_feature_spec(samples->cache), sum);
    for (guint c = 0; c < cache_classes(samples->cache); c++) {
        const char *name = cache_class(samples->cache, c);
        g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name) + 1);
    }
    for (guint i = 0; i < samples->count; i++) {
        const CacheItem *item = cache_item(samples->cache, samples->items[i]);
        g_checksum_update(sum, (const guchar *)item->path, (gssize)strlen(item->path) + 1);
        g_checksum_update(sum, (const guchar *)&samples->labels[i], sizeof samples->labels[i]);
        g_checksum_update(sum, item->hash, CACHE_HASH);
    }
    for (gsize i = 0; i < (gsize)samples->count * samples->copies; i++)
        g_checksum_update(sum, cache_item(samples->cache, samples->copy_items[i])->hash, CACHE_HASH);
}
