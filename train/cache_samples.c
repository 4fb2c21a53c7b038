/* cache_samples: see cache_samples.h. */
#include "train/cache_samples.h"
#include "common/cli/cli.h"

#include <string.h>

enum { PAGE = 4096 };

static void add(CacheSamples *samples, guint32 item, int label)
{
    samples->items[samples->count] = item;
    samples->labels[samples->count++] = label;
}

static CacheSamples samples_for(Cache *cache)
{
    guint n = MAX(1, cache_count(cache));
    return (CacheSamples){cache, 0, g_new(guint32, n), g_new(int, n)};
}

void cache_samples_clear(CacheSamples *samples)
{
    g_clear_pointer(&samples->items, g_free);
    g_clear_pointer(&samples->labels, g_free);
}

static gboolean check_split(const Cache *cache, double split, guint used_classes, guint training,
                            guint validation, GError **error)
{
    if (used_classes < 2)
        return cli_error(error, "%s: it has images of %u class%s, and a classifier needs two or more",
                         cache_path(cache), used_classes, used_classes == 1 ? "" : "es");
    if (split > 0 && (!training || !validation))
        return cli_error(
            error,
            "%s: a validation split of %g leaves %u images to train on and %u to validate on; choose "
            "another --validation-split, or 0 for none",
            cache_path(cache), split, training, validation);
    return TRUE;
}

gboolean cache_samples_split(Cache *cache, double split, CacheSamples *training, CacheSamples *validation,
                             GError **error)
{
    guint classes = cache_classes(cache), n = cache_count(cache), used = 0;
    g_autofree guint *images = g_new0(guint, classes + 1), *seen = g_new0(guint, classes + 1);
    *training = samples_for(cache);
    *validation = samples_for(cache);
    for (guint i = 0; i < n; i++)
        used += images[cache_item(cache, i)->label]++ == 0;
    for (guint i = 0; i < n; i++) {
        int label = cache_item(cache, i)->label;
        add(seen[label]++ < (guint)(split * images[label]) ? validation : training, i, label);
    }
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
    g_autofree char *difference = recipe_difference(cache_recipe(cache), cache_recipe(like));
    g_autofree int *labels = g_new(int, cache_classes(cache) + 1);
    *samples = samples_for(cache);
    if (difference)
        return cli_error(error, "%s: it cannot validate a model of %s: %s", cache_path(cache),
                         cache_path(like), difference);
    for (guint c = 0; c < cache_classes(cache); c++)
        if ((labels[c] = find_class(like, cache_class(cache, c))) < 0)
            return cli_error(error, "%s: its class %s is not among the classes of %s", cache_path(cache),
                             cache_class(cache, c), cache_path(like));
    for (guint i = 0; i < cache_count(cache); i++)
        add(samples, i, labels[cache_item(cache, i)->label]);
    return samples->count || cli_error(error, "%s: there is no image to validate on", cache_path(cache));
}

/* A byte of every page is read, so that it is this thread that waits for the disk. */
static void touch(const float *row, gsize features)
{
    for (gsize i = 0; i < features; i += PAGE / sizeof(float))
        (void)*(volatile const float *)(row + i);
}

static gboolean fetch(gpointer user, int epoch, const guint32 *indices, int n, const float **rows,
                      GError **error)
{
    const CacheSamples *samples = user;
    gsize features = recipe_features(cache_recipe(samples->cache));
    for (int i = 0; i < n; i++) {
        rows[i] = cache_features(samples->cache, samples->items[indices[i]], error);
        if (!rows[i])
            return FALSE;
        touch(rows[i], features);
    }
    return TRUE;
}

BatchSource cache_samples_source(CacheSamples *samples)
{
    return (BatchSource){samples->count, samples->labels, fetch, samples};
}

void cache_samples_identify(const CacheSamples *samples, GChecksum *sum)
{
    json_t *recipe = recipe_to_json(cache_recipe(samples->cache));
    char *text = json_dumps(recipe, JSON_COMPACT | JSON_SORT_KEYS);
    g_checksum_update(sum, (const guchar *)text, -1);
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
    free(text);
    json_decref(recipe);
}
