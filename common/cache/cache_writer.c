/* cache_writer: writing a cache; see cache.h. */
#include "common/cache/cache.h"
#include "common/cache/record.h"
#include "common/cache/store.h"
#include "common/core/error.h"

#include <string.h>

typedef enum { CLASSES, GROUPS, NAME_KINDS } NameKind;
G_STATIC_ASSERT(G_N_ELEMENTS(((CacheWriter *)NULL)->ids) == NAME_KINDS);

typedef struct {
    MDB_dbi database;
    GBytes *key, *value; /* value NULL: removed, or copied: */
    GBytes *from;        /* the key of what is copied, */
    char *path;          /* to this path, */
    RecordLabel label;   /* with this label */
} Change;

static void change_clear(gpointer data)
{
    Change *change = data;
    g_clear_pointer(&change->key, g_bytes_unref);
    g_clear_pointer(&change->value, g_bytes_unref);
    g_clear_pointer(&change->from, g_bytes_unref);
    g_clear_pointer(&change->path, g_free);
}

/* ---- Opening ---- */

static char *shard_name(CacheShard shard)
{
    return shard.count ? g_strdup_printf("shard %u/%u", shard.index, shard.count) : g_strdup("a whole cache");
}

static gboolean check_settings(const CacheWriter *writer, const Catalog *catalog, const CacheForm *form,
                               GError **error)
{
    const char *path = writer->store->folder;
    CacheStore store = catalog->store;
    g_autofree char *difference = feature_spec_difference(catalog->spec, writer->spec);
    if (difference)
        return error_set(error,
                         "%s was made with other settings (%s): use the same options, or another cache", path,
                         difference);
    if (form && form->store && *form->store != store)
        return error_set(
            error, "%s stores its features as %s, not as %s: omit --store, or merge it into a new cache",
            path, cache_store_name(store), cache_store_name(*form->store));
    g_autofree char *its = shard_name(catalog->shard), *wanted = form ? shard_name(form->shard) : NULL;
    return !form || g_str_equal(its, wanted) ||
           error_set(error, "%s is %s, not %s: write to another cache", path, its, wanted);
}

static gboolean take_over(CacheWriter *writer, const Catalog *catalog, const CacheForm *form, GError **error)
{
    const GPtrArray *names[NAME_KINDS] = {catalog->classes, catalog->groups};
    for (NameKind kind = CLASSES; kind < NAME_KINDS; kind++)
        for (guint id = 0; id < names[kind]->len; id++)
            g_hash_table_insert(writer->ids[kind], g_strdup(names[kind]->pdata[id]), GUINT_TO_POINTER(id));
    g_free(writer->passed);
    writer->passed = g_strdup(catalog->passed);
    writer->encoding = catalog->store;
    if (form && form->choose_tiles) {
        writer->spec->tiles = catalog->spec->tiles;
        writer->spec->metadata = catalog->spec->metadata;
    }
    return check_settings(writer, catalog, form, error);
}

/* Creates the databases and the description, or reads those that exist. */
static gboolean initialise(CacheWriter *writer, const CacheForm *form, GError **error)
{
    Store *store = writer->store;
    MDB_txn *txn;
    MDB_stat stat;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code)
        return store_fail(store, "write", code, error);
    gboolean fine = TRUE;
    if (!(code = store_databases(store, txn, TRUE)) && !(code = mdb_stat(txn, store->meta, &stat))) {
        if (stat.ms_entries == 0) {
            CacheForm wanted = form ? *form : (CacheForm){0};
            if (wanted.choose_tiles)
                wanted.choose_tiles(writer->spec, wanted.user);
            writer->encoding = wanted.store ? *wanted.store : CACHE_SPARSE;
            code = catalog_create(store, txn, writer->spec, writer->encoding, wanted.shard);
        } else {
            g_autoptr(Catalog) catalog = catalog_read(store, txn, error);
            fine = catalog && take_over(writer, catalog, form, error);
        }
    }
    if (code || !fine)
        mdb_txn_abort(txn);
    else
        code = mdb_txn_commit(txn);
    return fine && (!code || store_fail(store, "write", code, error));
}

CacheWriter *cache_writer_open(const char *path, const FeatureSpec *spec, const CacheForm *form,
                               GError **error)
{
    g_autoptr(CacheWriter) writer = g_new0(CacheWriter, 1);
    g_rw_lock_init(&writer->map_lock);
    writer->spec = feature_spec_copy(spec);
    writer->passed = g_strdup("");
    for (NameKind kind = CLASSES; kind < NAME_KINDS; kind++)
        writer->ids[kind] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    writer->changes = g_array_new(FALSE, FALSE, sizeof(Change));
    g_array_set_clear_func(writer->changes, change_clear);
    if (!(writer->store = store_open(path, TRUE, error)))
        return NULL;
    MDB_txn *txn = store_begin_checked(writer->store, error);
    if (!txn)
        return NULL;
    mdb_txn_abort(txn);
    return initialise(writer, form, error) ? g_steal_pointer(&writer) : NULL;
}

void cache_writer_close(CacheWriter *writer)
{
    if (!writer)
        return;
    store_close(writer->store);
    g_array_unref(writer->changes);
    for (NameKind kind = CLASSES; kind < NAME_KINDS; kind++)
        g_hash_table_unref(writer->ids[kind]);
    feature_spec_free(writer->spec);
    g_free(writer->passed);
    g_rw_lock_clear(&writer->map_lock);
    g_free(writer);
}

MemoryNeed cache_writer_memory(const char *path, const FeatureSpec *spec, guint images)
{
    gsize queued = images * feature_spec_features(spec) * sizeof(float);
    return (MemoryNeed){.memory = 2 * queued, /* once in the queue, once in LMDB's pages */
                        .address = store_map_bytes(path)};
}

/* ---- Looking up ---- */

gboolean cache_writer_lookup(CacheWriter *writer, const char *path, guint8 hash[CACHE_HASH])
{
    g_autoptr(GBytes) bytes = record_key(path);
    g_autoptr(GRWLockReaderLocker) locker G_GNUC_UNUSED = g_rw_lock_reader_locker_new(&writer->map_lock);
    MDB_txn *txn;
    MDB_val key = record_bytes(bytes), value;
    RecordHeader header;
    const char *stored_path;
    if (mdb_txn_begin(writer->store->env, NULL, MDB_RDONLY, &txn))
        return FALSE;
    gboolean found =
        mdb_get(txn, writer->store->items, &key, &value) == 0 &&
        record_parse_item(key, value, feature_spec_features(writer->spec), &header, &stored_path) &&
        record_sealed(key, value);
    if (found) {
        memcpy(hash, header.hash, CACHE_HASH);
        store_forget(writer->store, value.mv_data, value.mv_size);
    }
    mdb_txn_abort(txn);
    return found;
}

Cache *cache_writer_list(CacheWriter *writer, GError **error)
{
    g_autoptr(GRWLockReaderLocker) locker G_GNUC_UNUSED = g_rw_lock_reader_locker_new(&writer->map_lock);
    MDB_txn *txn;
    int code = mdb_txn_begin(writer->store->env, NULL, MDB_RDONLY, &txn);
    if (code)
        return store_fail(writer->store, "read", code, error), NULL;
    Cache *cache = cache_list(writer->store, txn, error);
    mdb_txn_abort(txn);
    return cache;
}

/* ---- Changing ---- */

/* Takes over key. */
static void queue(CacheWriter *writer, MDB_dbi database, GBytes *key, const char *first, const char *second)
{
    Change change = {.database = database, .key = key, .value = record_text(key, first, second)};
    g_array_append_val(writer->changes, change);
}

/* The id of a class or group, which is queued if it is new. */
static guint32 name_id(CacheWriter *writer, NameKind kind, const char *name)
{
    gpointer held_name, held_id;
    GHashTable *ids = writer->ids[kind];
    guint32 id = g_hash_table_size(ids);
    if (g_hash_table_lookup_extended(ids, name, &held_name, &held_id))
        return GPOINTER_TO_UINT(held_id);
    g_hash_table_insert(ids, g_strdup(name), GUINT_TO_POINTER(id));
    Store *store = writer->store;
    queue(writer, kind == CLASSES ? store->classes : store->groups, catalog_name_key(id), name, "");
    return id;
}

static RecordLabel label_ids(CacheWriter *writer, const CacheLabel *label)
{
    guint32 marks = label->tabled ? RECORD_TABLED : 0;
    if (label->before)
        marks |= RECORD_REVIEWED | (label->excluded ? RECORD_EXCLUDED : 0) |
                 (label->before_tabled ? RECORD_BEFORE_TABLED : 0) |
                 name_id(writer, CLASSES, label->before) * RECORD_BEFORE;
    return (RecordLabel){.class_id = name_id(writer, CLASSES, label->class_name),
                         .group = label->group ? 1 + name_id(writer, GROUPS, label->group) : 0,
                         .marks = marks};
}

void cache_writer_put(CacheWriter *writer, const char *path, const CacheLabel *label,
                      const guint8 hash[CACHE_HASH], const float *features)
{
    Change change = {.database = writer->store->items, .key = record_key(path)};
    change.value = record_item(change.key, path, label_ids(writer, label), hash, features,
                               feature_spec_features(writer->spec), writer->encoding);
    g_array_append_val(writer->changes, change);
}

void cache_writer_skip(CacheWriter *writer, const char *path, const char *reason)
{
    queue(writer, writer->store->skipped, record_key(path), reason, path);
}

void cache_writer_remove(CacheWriter *writer, const char *path)
{
    Change change = {.database = writer->store->items, .key = record_key(path)};
    g_array_append_val(writer->changes, change);
}

void cache_writer_copy(CacheWriter *writer, const char *from, const char *path, const CacheLabel *label)
{
    Change change = {.database = writer->store->items,
                     .key = record_key(path),
                     .from = record_key(from),
                     .path = g_strdup(path),
                     .label = label_ids(writer, label)};
    g_array_append_val(writer->changes, change);
}

void cache_writer_passed(CacheWriter *writer, const char *passed)
{
    passed = passed ? passed : "";
    if (g_str_equal(passed, writer->passed))
        return;
    g_free(writer->passed);
    writer->passed = g_strdup(passed);
    queue(writer, writer->store->meta, catalog_passed_key(), passed, "");
}

guint cache_writer_pending(const CacheWriter *writer)
{
    return writer->changes->len;
}

static int put(MDB_txn *txn, MDB_dbi database, MDB_val key, GBytes *bytes)
{
    MDB_val value = record_bytes(bytes);
    return mdb_put(txn, database, &key, &value, 0);
}

static int drop(MDB_txn *txn, MDB_dbi database, MDB_val key)
{
    int code = mdb_del(txn, database, &key, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* Within the transaction, so that what was copied or put before it can be copied. */
static int copy(MDB_txn *txn, MDB_dbi database, MDB_val key, const Change *change)
{
    MDB_val from = record_bytes(change->from), value;
    int code = mdb_get(txn, database, &from, &value);
    if (code)
        return code;
    g_autoptr(GBytes) renamed = record_rename(value, change->key, change->path, change->label);
    return put(txn, database, key, renamed);
}

/* What becomes an item is no longer skipped, and the other way round. */
static int apply(const Store *store, MDB_txn *txn, const Change *change)
{
    MDB_val key = record_bytes(change->key);
    int code = change->value  ? put(txn, change->database, key, change->value)
               : change->from ? copy(txn, change->database, key, change)
                              : drop(txn, change->database, key);
    if (!code && change->database == store->items)
        code = drop(txn, store->skipped, key);
    if (!code && change->database == store->skipped)
        code = drop(txn, store->items, key);
    return code;
}

static int commit_changes(CacheWriter *writer)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(writer->store->env, NULL, 0, &txn);
    if (code)
        return code;
    for (guint i = 0; i < writer->changes->len && !code; i++)
        code = apply(writer->store, txn, &g_array_index(writer->changes, Change, i));
    if (!code)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

gboolean cache_writer_commit(CacheWriter *writer, GError **error)
{
    if (writer->changes->len == 0)
        return TRUE;
    int code;
    while ((code = commit_changes(writer)) == MDB_MAP_FULL) {
        g_autoptr(GRWLockWriterLocker) locker G_GNUC_UNUSED = g_rw_lock_writer_locker_new(&writer->map_lock);
        if ((code = store_grow(writer->store)))
            break;
    }
    if (code)
        return store_fail(writer->store, "write", code, error);
    g_array_set_size(writer->changes, 0);
    return TRUE;
}

gboolean cache_writer_commit_often(CacheWriter *writer, GError **error)
{
    enum { OFTEN = 512, LARGE = 64 << 20 }; /* changes; bytes of vectors, at most */
    gsize n = cache_writer_pending(writer), bytes = n * feature_spec_features(writer->spec) * sizeof(float);
    return (n < OFTEN && bytes < LARGE) || cache_writer_commit(writer, error);
}
