/* cache_reader: reading a cache; see cache.h. */
#include "common/cache/cache.h"
#include "common/cache/record.h"
#include "common/cache/store.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/plural.h"

#include <string.h>

/* An item and its record. */
typedef struct {
    CacheItem item;
    MDB_val key, value; /* in the map */
    Packed packed;
    gint verified; /* atomic */
} Entry;

static Entry *entry_at(const Cache *cache, guint index)
{
    return &g_array_index(cache->entries, Entry, index);
}

static const char *keep(Cache *cache, const char *text, gsize size)
{
    return g_string_chunk_insert_len(cache->texts, text, (gssize)size);
}

static gboolean read_item(gpointer user, MDB_val key, MDB_val value, GError **error)
{
    Cache *cache = user;
    RecordHeader header;
    Entry entry = {.key = key, .value = value};
    CacheItem *item = &entry.item;
    const char *path;
    if (!record_parse_item(key, value, feature_spec_features(cache->spec), &header, &path) ||
        !record_label(&header, cache->catalog, &item->given))
        return store_damaged(cache->store, error, "the item \"%.*s\" is invalid", (int)key.mv_size,
                             (const char *)key.mv_data);
    item->path = keep(cache, path, header.path_size);
    if (!input_path_stays(item->path))
        return store_damaged(cache->store, error, "the path of its item \"%s\" leads out of the image folder",
                             item->path);
    item->copy = cache_path_copy(item->path);
    cache->excluded += item->given.excluded && !item->copy;
    memcpy(item->hash, header.hash, CACHE_HASH);
    entry.packed = header.packed;
    g_array_append_val(cache->entries, entry);
    store_forget(cache->store, value.mv_data, 1);
    return TRUE;
}

static gboolean read_skipped(gpointer user, MDB_val key, MDB_val value, GError **error)
{
    Cache *cache = user;
    const char *reason, *path;
    gsize path_size;
    if (!record_parse_text(key, value, &reason, &path, &path_size))
        return store_damaged(cache->store, error, "the skipped input \"%.*s\" is invalid", (int)key.mv_size,
                             (const char *)key.mv_data);
    CacheSkipped skipped = {keep(cache, path, path_size), keep(cache, reason, strlen(reason))};
    g_array_append_val(cache->skipped, skipped);
    return TRUE;
}

/* The classes of labelled items, and their labels. */
static void set_labels(Cache *cache)
{
    guint n = cache->entries->len;
    g_autofree const char **names = g_new(const char *, n + 1);
    g_autofree int *labels = g_new(int, n + 1);
    for (guint i = 0; i < n; i++) {
        const CacheLabel *given = &cache_item(cache, i)->given;
        names[i] = *given->class_name && !given->excluded ? given->class_name : NULL;
    }
    cache->classes = dataset_classes(names, n, labels);
    for (guint i = 0; i < n; i++)
        entry_at(cache, i)->item.label = labels[i];
}

typedef enum { IMAGES, COPIES, LEFT_OUT } Sort;

static Sort sort_of(const CacheItem *item)
{
    return item->label < 0 ? LEFT_OUT : item->copy ? COPIES : IMAGES;
}

/* GLib's sorting is stable: all keep their order within a sort. */
static gint by_sort(gconstpointer a, gconstpointer b)
{
    return (gint)sort_of(&((const Entry *)a)->item) - (gint)sort_of(&((const Entry *)b)->item);
}

static gint by_path(gconstpointer a, gconstpointer b)
{
    return strcmp(((const Entry *)a)->item.path, ((const Entry *)b)->item.path);
}

/* Moves the augmented copies behind the images, and what is left out behind both; counts all. */
static void part_items(Cache *cache)
{
    g_array_sort(cache->entries, by_sort);
    cache->images = cache->total = 0;
    cache->all = cache->entries->len;
    for (guint i = 0; i < cache->all; i++) {
        cache->images += sort_of(cache_item(cache, i)) == IMAGES;
        cache->total += sort_of(cache_item(cache, i)) != LEFT_OUT;
    }
}

void cache_remark_left_out(const Cache *cache)
{
    guint unlabelled = 0, excluded = cache->excluded;
    for (guint i = cache->total; i < cache->all; i++)
        unlabelled += !cache_item(cache, i)->given.excluded;
    if (unlabelled)
        cli_remark("%s: %u %s without a label %s left out", cache->path, unlabelled,
                   plural(unlabelled, "image", "images"), plural(unlabelled, "is", "are"));
    if (excluded)
        cli_remark("%s: %u %s that a review excluded %s left out", cache->path, excluded,
                   plural(excluded, "image", "images"), plural(excluded, "is", "are"));
}

void cache_take_unlabelled(Cache *cache)
{
    guint kept = 0;
    for (guint i = 0; i < cache->entries->len; i++)
        if (!cache_item(cache, i)->copy && !cache_item(cache, i)->given.excluded)
            *entry_at(cache, kept++) = *entry_at(cache, i);
    g_array_set_size(cache->entries, kept);
    g_array_sort(cache->entries, by_path);
    cache->images = cache->total = cache->all = kept;
}

Cache *cache_list(Store *store, MDB_txn *txn, GError **error)
{
    g_autoptr(Cache) cache = g_new0(Cache, 1);
    cache->store = store;
    cache->path = store->folder;
    cache->texts = g_string_chunk_new(1 << 16);
    cache->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    cache->skipped = g_array_new(FALSE, FALSE, sizeof(CacheSkipped));
    cache->catalog = catalog_read(store, txn, error);
    if (!cache->catalog)
        return NULL;
    cache->spec = cache->catalog->spec;
    if (!store_read(store, txn, store->items, read_item, cache, error) ||
        !store_read(store, txn, store->skipped, read_skipped, cache, error))
        return NULL;
    set_labels(cache);
    part_items(cache);
    return g_steal_pointer(&cache);
}

Cache *cache_open(const char *path, GError **error)
{
    g_autoptr(Store) store = store_open(path, FALSE, error);
    MDB_txn *txn = store ? store_begin_checked(store, error) : NULL;
    if (!txn)
        return NULL;
    int code = store_databases(store, txn, FALSE);
    if (code)
        code == MDB_NOTFOUND ? store_empty(store, error) : store_fail(store, "read", code, error);
    Cache *cache = code ? NULL : cache_list(store, txn, error);
    if (cache) {
        cache->txn = txn;
        g_steal_pointer(&store);
    } else
        mdb_txn_abort(txn);
    return cache;
}

Dataset *cache_dataset(const Cache *cache)
{
    Dataset *dataset = dataset_new(cache->path);
    g_ptr_array_unref(dataset->classes);
    dataset->classes = g_ptr_array_ref(cache->classes);
    for (guint i = 0; i < cache->images; i++) {
        const CacheItem *image = cache_item(cache, i);
        DatasetItem *item = dataset_add(dataset, image->path, image->label);
        item->group = g_strdup(image->given.group);
        item->reviewed = image->given.before != NULL;
        memcpy(item->hash, image->hash, CACHE_HASH);
    }
    return dataset;
}

/* Keeps the items of these images (path -> label + 1). */
static void keep_items(Cache *cache, GHashTable *labels)
{
    guint kept = 0;
    for (guint i = 0; i < cache->total; i++) {
        Entry *entry = entry_at(cache, i);
        g_autofree char *image = cache_path_image(entry->item.path);
        entry->item.label = GPOINTER_TO_INT(g_hash_table_lookup(labels, image)) - 1;
        if (entry->item.label >= 0)
            *entry_at(cache, kept++) = *entry;
    }
    g_array_set_size(cache->entries, kept);
    part_items(cache);
}

gboolean cache_choose(Cache *cache, const DatasetFilter *filter, GError **error)
{
    if (!filter->classes && !filter->first_classes && !filter->list && !filter->exclude &&
        !filter->limit_per_class)
        return TRUE;
    g_autoptr(Dataset) dataset = cache_dataset(cache);
    if (!dataset_choose(dataset, filter, error))
        return FALSE;
    g_autoptr(GHashTable) labels = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        g_hash_table_insert(labels, item->key, GINT_TO_POINTER(item->label + 1));
    }
    keep_items(cache, labels);
    g_ptr_array_unref(cache->classes);
    cache->classes = g_ptr_array_ref(dataset->classes);
    return TRUE;
}

void cache_close(Cache *cache)
{
    if (!cache)
        return;
    g_clear_pointer(&cache->classes, g_ptr_array_unref);
    g_array_unref(cache->skipped);
    g_array_unref(cache->entries);
    g_string_chunk_free(cache->texts);
    catalog_free(cache->catalog);
    if (cache->txn) {
        mdb_txn_abort(cache->txn);
        store_close(cache->store);
    }
    g_free(cache);
}

gboolean cache_is(const char *path)
{
    g_autofree char *data = g_build_filename(path, "data.mdb", NULL);
    return g_file_test(data, G_FILE_TEST_EXISTS);
}

const char *cache_class(const Cache *cache, int label)
{
    return label < 0 ? "" : cache->classes->pdata[label];
}

const CacheItem *cache_item(const Cache *cache, guint index)
{
    return &entry_at(cache, index)->item;
}

CacheSkipped cache_skipped(const Cache *cache, guint index)
{
    return g_array_index(cache->skipped, CacheSkipped, index);
}

gsize cache_stored(const Cache *cache, guint index, guint *nonzeros)
{
    Packed packed = entry_at(cache, index)->packed;
    *nonzeros = packed.nonzeros;
    return packed_size(packed, feature_spec_features(cache->spec));
}

static gboolean verify(const Cache *cache, Entry *entry, GError **error)
{
    if (g_atomic_int_get(&entry->verified))
        return TRUE;
    if (!record_sealed(entry->key, entry->value))
        return error_set(error,
                         "the features of %s in %s fail their checksum: run extract again to recompute them",
                         entry->item.path, cache->path);
    g_atomic_int_set(&entry->verified, TRUE);
    return TRUE;
}

/* Features first … first+count-1, as cache_features; first: a multiple of 64. */
static const float *features_range(Cache *cache, guint index, gsize first, gsize count, float *buffer,
                                   GError **error)
{
    Entry *entry = entry_at(cache, index);
    if (!verify(cache, entry, error))
        return NULL;
    const guint8 *bytes = (const guint8 *)entry->value.mv_data + RECORD_HEADER;
    const float *in_place = packed_in_place(bytes, entry->packed);
    if (in_place)
        return in_place + first;
    gsize features = feature_spec_features(cache->spec);
    if (packed_read(bytes, entry->packed, features, first, count, buffer))
        return buffer;
    g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_UNSOUND,
                "the features of %s in %s cannot be decoded: this program does not write such records; "
                "delete the cache and extract again",
                entry->item.path, cache->path);
    return NULL;
}

const float *cache_features(Cache *cache, guint index, float *buffer, GError **error)
{
    return features_range(cache, index, 0, feature_spec_features(cache->spec), buffer, error);
}

static const float *part(gconstpointer user, guint row, gsize first, gsize count, float *buffer)
{
    g_autoptr(GError) error = NULL;
    const float *features = features_range((Cache *)user, row, first, count, buffer, &error);
    if (!features)
        g_error("%s", error->message); /* cannot happen: the record was read before */
    return features;
}

Rows cache_rows(Cache *cache)
{
    gsize bytes = 0;
    for (guint i = 0; i < cache->images; i++)
        bytes += entry_at(cache, i)->value.mv_size;
    return (Rows){cache->images, feature_spec_features(cache->spec), bytes / MAX(cache->images, 1), part,
                  cache};
}

void cache_forget(Cache *cache, guint index)
{
    MDB_val value = entry_at(cache, index)->value;
    store_forget(cache->store, value.mv_data, value.mv_size);
}
