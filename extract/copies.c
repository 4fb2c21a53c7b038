/* copies: see copies.h. */
#include "extract/copies.h"

#include "common/core/sha256.h"

#include <string.h>

static DatasetItem *copy_of(const DatasetItem *item, guint copy)
{
    DatasetItem *other = g_new(DatasetItem, 1);
    *other = *item;
    other->path = g_strdup(item->path);
    other->key = g_strdup_printf("%s#%u", item->key, copy);
    other->group = g_strdup(item->group);
    return other;
}

void copies_add(Dataset *dataset, guint n)
{
    guint images = dataset->items->len;
    for (guint copy = 1; copy <= n; copy++)
        for (guint i = 0; i < images; i++)
            g_ptr_array_add(dataset->items, copy_of(dataset->items->pdata[i], copy));
}

char *copies_describe(const AugmentOptions *augmentation, guint64 seed)
{
    g_autofree char *settings = augment_describe(augmentation);
    return g_strdup_printf("%s seed=%" G_GUINT64_FORMAT, settings, seed);
}

void copies_hash(GBytes *content, const char *key, const char *how, guint8 hash[CACHE_HASH])
{
    gsize size;
    guint copy;
    const void *bytes = g_bytes_get_data(content, &size);
    sha256(bytes, size, hash);
    cache_path_image(key, &copy);
    if (!copy)
        return;
    Sha256 *of_copy = sha256_new();
    sha256_update(of_copy, hash, CACHE_HASH);
    sha256_update(of_copy, how, strlen(how));
    sha256_finish(of_copy, hash);
}
