/* cache_reader: reading a cache; see cache.h. */
#include "common/cache/cache.h"
#include "common/cache/cache_error.h"
#include "common/cache/record.h"
#include "common/cache/store.h"
#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/dataset/labels.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const guint8 *bytes; /* in the map */
    gsize size;
    Packed packed;
    const char *key; /* in the map */
    guint16 key_size;
    gint verified; /* atomic */
} Record;

struct Cache {
    Store *store;
    MDB_txn *txn; /* holds the snapshot */
    Catalog *catalog;
    GStringChunk *texts;
    GArray *items;        /* CacheItem; images, then copies */
    GArray *records;      /* Record, of the items */
    guint images, copies; /* of items; behind these are those without a label, or excluded */
    guint excluded;       /* images */
    GArray *skipped;      /* CacheSkipped */
    GPtrArray *classes;   /* borrowed char*, by label */
};

static const char *keep(Cache *cache, const char *text, gsize size)
{
    return g_string_chunk_insert_len(cache->texts, text, (gssize)size);
}

static gboolean read_item(Cache *cache, const MDB_val *key, const MDB_val *value, GError **error)
{
    RecordHeader header;
    CacheItem item = {0};
    const char *path;
    if (!record_parse_item(key->mv_data, key->mv_size, value->mv_data, value->mv_size,
                           feature_spec_features(cache->catalog->spec), &header, &path) ||
        !record_label(&header, catalog_names(cache->catalog), &item.given))
        return store_damaged(cache->store, error, "the item \"%.*s\" is invalid", (int)key->mv_size,
                             (const char *)key->mv_data);
    item.path = keep(cache, path, header.path_size);
    if (!labels_path_stays(item.path))
        return store_damaged(cache->store, error, "the path of its item \"%s\" leads out of the image folder",
                             item.path);
    cache_path_image(item.path, &item.copy);
    cache->excluded += item.given.excluded && !item.copy;
    memcpy(item.hash, header.hash, CACHE_HASH);
    Record record = {value->mv_data, value->mv_size,        header.packed,
                     key->mv_data,   (guint16)key->mv_size, FALSE};
    g_array_append_val(cache->items, item);
    g_array_append_val(cache->records, record);
    store_forget(cache->store, value->mv_data, 1);
    return TRUE;
}

static gboolean read_skipped(Cache *cache, const MDB_val *key, const MDB_val *value, GError **error)
{
    const char *reason, *path;
    gsize path_size;
    if (!record_parse_text(key->mv_data, key->mv_size, value->mv_data, value->mv_size, &reason, &path,
                           &path_size))
        return store_damaged(cache->store, error, "the skipped input \"%.*s\" is invalid", (int)key->mv_size,
                             (const char *)key->mv_data);
    CacheSkipped skipped = {keep(cache, path, path_size), keep(cache, reason, strlen(reason))};
    g_array_append_val(cache->skipped, skipped);
    return TRUE;
}

typedef gboolean (*ReadEntry)(Cache *cache, const MDB_val *key, const MDB_val *value, GError **error);

static gboolean read_all(Cache *cache, MDB_dbi database, ReadEntry read, GError **error)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int code = mdb_cursor_open(cache->txn, database, &cursor);
    if (code)
        return store_fail(cache->store, "read", code, error);
    gboolean fine = TRUE;
    while (fine && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        fine = read(cache, &key, &value, error);
    mdb_cursor_close(cursor);
    return fine && (code == MDB_NOTFOUND || store_fail(cache->store, "read", code, error));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean is_labelled(const CacheItem *item)
{
    return *item->given.class_name && !item->given.excluded;
}

/* The classes of labelled items, and their labels. */
static void set_labels(Cache *cache)
{
    g_autoptr(GHashTable) labels =
        g_hash_table_new(NULL, NULL); /* each name is one pointer of the catalog's */
    for (guint i = 0; i < cache->items->len; i++) {
        const CacheItem *item = cache_item(cache, i);
        if (is_labelled(item) && g_hash_table_add(labels, (gpointer)item->given.class_name))
            g_ptr_array_add(cache->classes, (gpointer)item->given.class_name);
    }
    if (cache->classes->len)
        qsort(cache->classes->pdata, cache->classes->len, sizeof(gpointer), compare_names);
    for (guint label = 0; label < cache->classes->len; label++)
        g_hash_table_insert(labels, cache->classes->pdata[label], GUINT_TO_POINTER(label));
    for (guint i = 0; i < cache->items->len; i++) {
        CacheItem *item = &g_array_index(cache->items, CacheItem, i);
        item->label =
            is_labelled(item) ? GPOINTER_TO_INT(g_hash_table_lookup(labels, item->given.class_name)) : -1;
    }
}

typedef enum { IMAGES, COPIES, LEFT_OUT, SORTS } Sort;

static Sort sort_of(const CacheItem *item)
{
    return item->label < 0 ? LEFT_OUT : item->copy ? COPIES : IMAGES;
}

/* Moves the augmented copies behind the images, and what is left out behind both; all keep their order. */
static void part_items(Cache *cache)
{
    guint n = cache->items->len, counts[SORTS] = {0};
    g_autoptr(GArray) items = g_steal_pointer(&cache->items), records = g_steal_pointer(&cache->records);
    cache->items = g_array_sized_new(FALSE, FALSE, sizeof(CacheItem), n);
    cache->records = g_array_sized_new(FALSE, FALSE, sizeof(Record), n);
    for (Sort sort = IMAGES; sort < SORTS; sort++)
        for (guint i = 0; i < n; i++) {
            const CacheItem *item = &g_array_index(items, CacheItem, i);
            if (sort_of(item) != sort)
                continue;
            g_array_append_vals(cache->items, item, 1);
            g_array_append_vals(cache->records, &g_array_index(records, Record, i), 1);
            counts[sort]++;
        }
    cache->images = counts[IMAGES];
    cache->copies = counts[COPIES];
}

static int by_path(gconstpointer a, gconstpointer b, gpointer cache)
{
    const CacheItem *first = cache_item(cache, *(const guint *)a),
                    *second = cache_item(cache, *(const guint *)b);
    return strcmp(first->path, second->path);
}

void cache_remark_left_out(const Cache *cache)
{
    guint unlabelled = 0, excluded = cache->excluded;
    for (guint i = cache_total(cache); i < cache_all(cache); i++)
        unlabelled += !cache_item(cache, i)->given.excluded;
    if (unlabelled)
        cli_remark("%s: %u %s without a label %s left out", cache_path(cache), unlabelled,
                   plural(unlabelled, "image", "images"), plural(unlabelled, "is", "are"));
    if (excluded)
        cli_remark("%s: %u %s that a review excluded %s left out", cache_path(cache), excluded,
                   plural(excluded, "image", "images"), plural(excluded, "is", "are"));
}

void cache_take_unlabelled(Cache *cache)
{
    guint n = cache->items->len, images = 0;
    g_autofree guint *order = g_new(guint, n + 1);
    for (guint i = 0; i < n; i++)
        if (!cache_item(cache, i)->copy && !cache_item(cache, i)->given.excluded)
            order[images++] = i;
    qsort_r(order, images, sizeof *order, by_path, cache);
    GArray *items = g_array_sized_new(FALSE, FALSE, sizeof(CacheItem), images);
    GArray *records = g_array_sized_new(FALSE, FALSE, sizeof(Record), images);
    for (guint i = 0; i < images; i++) {
        g_array_append_vals(items, cache_item(cache, order[i]), 1);
        g_array_append_vals(records, &g_array_index(cache->records, Record, order[i]), 1);
    }
    g_array_unref(cache->items);
    g_array_unref(cache->records);
    cache->items = items;
    cache->records = records;
    cache->images = images;
    cache->copies = 0;
}

static gboolean read_cache(Cache *cache, GError **error)
{
    int code = store_databases(cache->store, cache->txn, FALSE);
    if (code == MDB_NOTFOUND)
        return store_empty(cache->store, error);
    if (code)
        return store_fail(cache->store, "read", code, error);
    cache->catalog = catalog_read(cache->store, cache->txn, error);
    if (!cache->catalog || !read_all(cache, cache->store->items, read_item, error) ||
        !read_all(cache, cache->store->skipped, read_skipped, error))
        return FALSE;
    set_labels(cache);
    part_items(cache);
    return TRUE;
}

Cache *cache_open(const char *path, GError **error)
{
    g_autoptr(Cache) cache = g_new0(Cache, 1);
    cache->texts = g_string_chunk_new(1 << 16);
    cache->items = g_array_new(FALSE, FALSE, sizeof(CacheItem));
    cache->records = g_array_new(FALSE, FALSE, sizeof(Record));
    cache->skipped = g_array_new(FALSE, FALSE, sizeof(CacheSkipped));
    cache->classes = g_ptr_array_new();
    if (!(cache->store = store_open(path, FALSE, error)) ||
        !(cache->txn = store_begin_checked(cache->store, error)) || !read_cache(cache, error))
        return NULL;
    return g_steal_pointer(&cache);
}

/* The images as a dataset, to apply a filter to. */
static Dataset *list_images(const Cache *cache)
{
    Dataset *dataset = dataset_new(cache->store->folder);
    for (guint c = 0; c < cache->classes->len; c++)
        g_ptr_array_add(dataset->classes, g_strdup(cache->classes->pdata[c]));
    for (guint i = 0; i < cache->images; i++)
        dataset_add(dataset, cache_item(cache, i)->path, cache_item(cache, i)->label);
    return dataset;
}

/* Keeps the items of these images (path -> label + 1). */
static void keep_items(Cache *cache, GHashTable *labels)
{
    guint kept = 0, images = 0, total = cache_total(cache);
    for (guint i = 0; i < total; i++) {
        CacheItem item = g_array_index(cache->items, CacheItem, i);
        g_autofree char *image = g_strndup(item.path, cache_path_image(item.path, &item.copy));
        int label = GPOINTER_TO_INT(g_hash_table_lookup(labels, image)) - 1;
        if (label < 0)
            continue;
        item.label = label;
        g_array_index(cache->items, CacheItem, kept) = item;
        g_array_index(cache->records, Record, kept) = g_array_index(cache->records, Record, i);
        images += i < cache->images;
        kept++;
    }
    g_array_set_size(cache->items, kept);
    g_array_set_size(cache->records, kept);
    cache->images = images;
    cache->copies = kept - images;
}

gboolean cache_choose(Cache *cache, const DatasetFilter *filter, GError **error)
{
    if (!filter->classes && !filter->first_classes && !filter->list && !filter->exclude &&
        !filter->limit_per_class)
        return TRUE;
    g_autoptr(Dataset) dataset = list_images(cache);
    if (!dataset_choose(dataset, filter, error))
        return FALSE;
    g_autoptr(GHashTable) labels = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        g_hash_table_insert(labels, item->key, GINT_TO_POINTER(item->label + 1));
    }
    keep_items(cache, labels);
    g_ptr_array_set_size(cache->classes, 0);
    for (guint c = 0; c < dataset->classes->len; c++)
        g_ptr_array_add(cache->classes, (gpointer)keep(cache, dataset->classes->pdata[c],
                                                       strlen(dataset->classes->pdata[c])));
    return TRUE;
}

void cache_close(Cache *cache)
{
    if (!cache)
        return;
    g_ptr_array_unref(cache->classes);
    g_array_unref(cache->skipped);
    g_array_unref(cache->records);
    g_array_unref(cache->items);
    g_string_chunk_free(cache->texts);
    catalog_free(cache->catalog);
    if (cache->txn)
        mdb_txn_abort(cache->txn);
    store_close(cache->store);
    g_free(cache);
}

gboolean cache_is(const char *path)
{
    g_autofree char *data = g_build_filename(path, "data.mdb", NULL);
    return g_file_test(data, G_FILE_TEST_EXISTS);
}

const FeatureSpec *cache_feature_spec(const Cache *cache)
{
    return cache->catalog->spec;
}

const char *cache_program(const Cache *cache)
{
    return cache->catalog->program;
}

const char *cache_passed(const Cache *cache)
{
    return cache->catalog->passed;
}

guint cache_classes(const Cache *cache)
{
    return cache->classes->len;
}

const char *cache_class(const Cache *cache, int label)
{
    return label < 0 ? "" : cache->classes->pdata[label];
}

guint cache_count(const Cache *cache)
{
    return cache->images;
}

guint cache_total(const Cache *cache)
{
    return cache->images + cache->copies;
}

guint cache_all(const Cache *cache)
{
    return cache->items->len;
}

const CacheItem *cache_item(const Cache *cache, guint index)
{
    return &g_array_index(cache->items, CacheItem, index);
}

guint cache_skipped_count(const Cache *cache)
{
    return cache->skipped->len;
}

CacheSkipped cache_skipped(const Cache *cache, guint index)
{
    return g_array_index(cache->skipped, CacheSkipped, index);
}

const char *cache_path(const Cache *cache)
{
    return cache->store->folder;
}

CacheStore cache_store(const Cache *cache)
{
    return cache->catalog->store;
}

CacheShard cache_shard(const Cache *cache)
{
    return cache->catalog->shard;
}

gsize cache_stored(const Cache *cache, guint index, guint *nonzeros)
{
    Packed packed = g_array_index(cache->records, Record, index).packed;
    *nonzeros = packed.nonzeros;
    return packed_size(packed, feature_spec_features(cache->catalog->spec));
}

static gboolean verify_record(const Cache *cache, guint index, Record *record, GError **error)
{
    if (g_atomic_int_get(&record->verified))
        return TRUE;
    if (!record_sealed(record->key, record->key_size, record->bytes, record->size)) {
        g_set_error(error, CACHE_ERROR, CACHE_ERROR_DAMAGED,
                    "the features of %s in %s fail their checksum: run extract again to recompute them",
                    cache_item(cache, index)->path, cache_path(cache));
        return FALSE;
    }
    g_atomic_int_set(&record->verified, TRUE);
    return TRUE;
}

const float *cache_features_range(Cache *cache, guint index, gsize first, gsize count, float *buffer,
                                  GError **error)
{
    Record *record = &g_array_index(cache->records, Record, index);
    if (!verify_record(cache, index, record, error))
        return NULL;
    const guint8 *bytes = record->bytes + RECORD_HEADER;
    const float *in_place = packed_in_place(bytes, record->packed);
    if (in_place)
        return in_place + first;
    gsize features = feature_spec_features(cache->catalog->spec);
    if (packed_read(bytes, record->packed, features, first, count, buffer))
        return buffer;
    g_set_error(
        error, CACHE_ERROR, CACHE_ERROR_UNSOUND,
        "the features of %s in %s cannot be decoded: this program does not write such records; delete the "
        "cache and extract again",
        cache_item(cache, index)->path, cache_path(cache));
    return NULL;
}

const float *cache_features(Cache *cache, guint index, float *buffer, GError **error)
{
    return cache_features_range(cache, index, 0, feature_spec_features(cache->catalog->spec), buffer, error);
}

static const float *part(gconstpointer user, guint row, gsize first, gsize count, float *buffer)
{
    g_autoptr(GError) error = NULL;
    const float *features = cache_features_range((Cache *)user, row, first, count, buffer, &error);
    if (!features)
        g_error("%s", error->message); /* cannot happen: the record was read before */
    return features;
}

Rows cache_rows(Cache *cache)
{
    gsize bytes = 0;
    for (guint i = 0; i < cache->images; i++)
        bytes += g_array_index(cache->records, Record, i).size;
    return (Rows){cache->images, feature_spec_features(cache->catalog->spec), bytes / MAX(cache->images, 1),
                  part, cache};
}

void cache_forget(Cache *cache, guint index)
{
    const Record *record = &g_array_index(cache->records, Record, index);
    store_forget(cache->store, record->bytes, record->size);
}
