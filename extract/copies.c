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

void copies_hash(const guint8 content[CACHE_HASH], const char *key, const char *how, guint8 hash[CACHE_HASH])
{
    memcpy(hash, content, CACHE_HASH);
    if (!cache_path_copy(key))
        return;
    Sha256 *of_copy = sha256_new();
    sha256_update(of_copy, hash, CACHE_HASH);
    sha256_update(of_copy, how, strlen(how));
    sha256_finish(of_copy, hash);
}
