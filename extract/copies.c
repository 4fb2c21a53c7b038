#include "extract/copies.h"

#include <string.h>

static DatasetItem *copy_of(const DatasetItem *item, guint copy)
{
    DatasetItem *other = g_new(DatasetItem, 1);
    *other = (DatasetItem){g_strdup(item->path), g_strdup_printf("%s#%u", item->key, copy), item->label};
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

static void digest(GChecksum *sum, guint8 hash[CACHE_HASH])
{
    gsize size = CACHE_HASH;
    g_checksum_get_digest(sum, hash, &size);
}

void copies_hash(GBytes *content, const char *key, const char *how, guint8 hash[CACHE_HASH])
{
    gsize size;
    guint copy;
    const guchar *bytes = g_bytes_get_data(content, &size);
    g_autoptr(GChecksum) of_content = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(of_content, bytes, (gssize)size);
    digest(of_content, hash);
    cache_path_image(key, &copy);
    if (!copy)
        return;
    g_autoptr(GChecksum) of_copy = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(of_copy, hash, CACHE_HASH);
    g_checksum_update(of_copy, (const guchar *)how, (gssize)strlen(how));
    digest(of_copy, hash);
}
