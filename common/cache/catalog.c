/* catalog: the databases "meta" and "classes" of a cache; see store.h. */
#include "common/cache/record.h"
#include "common/cache/store.h"
#include "common/core/error.h"

#include <string.h>

static const char meta_key[] = "cache", passed_key[] = "passed";

/* Ids are big-endian in keys, so that LMDB's byte order is numeric order. */
GBytes *catalog_name_key(guint32 id)
{
    guint32 big = GUINT32_TO_BE(id);
    return g_bytes_new(&big, sizeof big);
}

GBytes *catalog_passed_key(void)
{
    return g_bytes_new_static(passed_key, strlen(passed_key));
}

int catalog_create(const Store *store, MDB_txn *txn, const FeatureSpec *spec, CacheStore form,
                   CacheShard shard)
{
    g_autoptr(GBytes) key = g_bytes_new_static(meta_key, strlen(meta_key));
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:o}", "format", RECORD_FORMAT, "store", cache_store_name(form), "program",
                  "vggcache " VGGCACHE_VERSION, "recipe", feature_spec_to_json(spec));
    if (shard.count)
        json_object_set_new(object, "shard", json_pack("[i, i]", (int)shard.index, (int)shard.count));
    char *text = json_dumps(object, JSON_COMPACT);
    g_autoptr(GBytes) bytes = record_text(key, text, "");
    MDB_val k = record_bytes(key), value = record_bytes(bytes);
    free(text);
    json_decref(object);
    return mdb_put(txn, store->meta, &k, &value, 0);
}

static gboolean parse_shard(const json_t *object, CacheShard *shard)
{
    const json_t *pair = json_object_get(object, "shard");
    int index, count;
    if (!pair)
        return TRUE;
    if (json_unpack((json_t *)pair, "[i, i!]", &index, &count) || index < 0 || count <= index)
        return FALSE;
    *shard = (CacheShard){(guint)index, (guint)count};
    return TRUE;
}

static gboolean parse_meta(const Store *store, const char *text, Catalog *catalog, GError **error)
{
    json_error_t problem;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &problem), *spec;
    const char *program, *name;
    int format;
    g_autoptr(GError) clause = NULL;
    gboolean fine = FALSE;
    if (!object ||
        json_unpack(object, "{s:i, s:s, s:o}", "format", &format, "program", &program, "recipe", &spec))
        store_damaged(store, error, "its description is incomplete");
    else if (format != RECORD_FORMAT)
        error_set(error,
                  "%s is a cache of format %d, made by %s, and this program reads format %d only: extract "
                  "the images again into a new cache",
                  store->folder, format, program, RECORD_FORMAT);
    else if (!(name = json_string_value(json_object_get(object, "store"))) ||
             !cache_store_parse(name, &catalog->store))
        store_damaged(store, error, "its description does not give the encoding of its features");
    else if (!parse_shard(object, &catalog->shard))
        store_damaged(store, error, "its shard number is invalid");
    else if (!(catalog->spec = feature_spec_from_json(spec, &clause)))
        store_damaged(store, error, "%s", clause->message);
    else
        fine = TRUE;
    if (fine)
        catalog->program = g_strdup(program);
    json_decref(object);
    return fine;
}

/* *text: in the map; NULL if there is none of this name. */
static gboolean read_text(const Store *store, MDB_txn *txn, const char *name, const char **text,
                          GError **error)
{
    MDB_val key = {strlen(name), (void *)name}, value;
    const char *rest;
    gsize rest_size;
    int code = mdb_get(txn, store->meta, &key, &value);
    *text = NULL;
    if (code)
        return code == MDB_NOTFOUND || store_fail(store, "read", code, error);
    return record_parse_text(key, value, text, &rest, &rest_size) ||
           store_damaged(store, error, "its description fails its checksum");
}

static gboolean read_meta(const Store *store, MDB_txn *txn, Catalog *catalog, GError **error)
{
    const char *text, *passed;
    if (!read_text(store, txn, meta_key, &text, error) || !read_text(store, txn, passed_key, &passed, error))
        return FALSE;
    catalog->passed = g_strdup(passed ? passed : "");
    return text ? parse_meta(store, text, catalog, error)
                : store_damaged(store, error, "its description is missing");
}

/* Of classes or groups, whose ids count from 0. */
typedef struct {
    const Store *store;
    const char *what; /* "class" or "group" */
    GPtrArray *names;
    GHashTable *known;
} Names;

static gboolean take_name(gpointer user, MDB_val key, MDB_val value, GError **error)
{
    const Names *names = user;
    const char *name, *rest;
    gsize rest_size;
    g_autoptr(GBytes) expected = catalog_name_key(names->names->len);
    g_autoptr(GBytes) found = g_bytes_new_static(key.mv_data, key.mv_size);
    if (!g_bytes_equal(found, expected) || !record_parse_text(key, value, &name, &rest, &rest_size) ||
        !g_hash_table_add(names->known, (gpointer)name))
        return store_damaged(names->store, error, "its %s number %u is invalid", names->what,
                             names->names->len);
    g_ptr_array_add(names->names, g_strdup(name));
    return TRUE;
}

static gboolean read_names(const Store *store, MDB_txn *txn, MDB_dbi database, const char *what,
                           GPtrArray *names, GError **error)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    Names read = {store, what, names, known};
    return store_read(store, txn, database, take_name, &read, error);
}

Catalog *catalog_read(const Store *store, MDB_txn *txn, GError **error)
{
    g_autoptr(Catalog) catalog = g_new0(Catalog, 1);
    catalog->classes = g_ptr_array_new_with_free_func(g_free);
    catalog->groups = g_ptr_array_new_with_free_func(g_free);
    if (!read_meta(store, txn, catalog, error) ||
        !read_names(store, txn, store->classes, "class", catalog->classes, error) ||
        (store->has_groups && !read_names(store, txn, store->groups, "group", catalog->groups, error)))
        return NULL;
    return g_steal_pointer(&catalog);
}

void catalog_free(Catalog *catalog)
{
    if (!catalog)
        return;
    feature_spec_free(catalog->spec);
    g_free(catalog->program);
    g_free(catalog->passed);
    g_ptr_array_unref(catalog->classes);
    g_ptr_array_unref(catalog->groups);
    g_free(catalog);
}
