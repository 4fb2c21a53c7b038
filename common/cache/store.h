/* store: a cache's folder and its LMDB environment, shared by reader and writer.
 *
 * Opening checks the file first (lmdb_check.h), excludes a second writer by flock on the folder, and refuses to open a
 * folder twice in this process, which LMDB does not support. LMDB's error codes are turned into messages here. */
#pragma once
#include "common/cache/record.h"

typedef struct Store {
    char *folder;   /* as given */
    int directory;  /* descriptor of the folder; a writer's lock is on it */
    char *identity; /* device and inode, the key in the table of open folders */
    MDB_env *env;
    MDB_dbi meta, classes, items, skipped, groups; /* valid after store_databases */
    gboolean has_groups; /* caches made before there were groups have no such database */
} Store;

Store *store_open(const char *folder, gboolean writing, GError **error);
void store_close(Store *store);

/* Address space that a writer's map and LMDB's lists take, of the cache in this folder or of a new one. */
gsize store_map_bytes(const char *folder);

/* A read transaction on the newest snapshot, its tree checked. */
MDB_txn *store_begin_checked(Store *store, GError **error);

/* Opens the named databases; with create, makes missing ones. Returns an LMDB code: MDB_NOTFOUND if one is missing. */
int store_databases(Store *store, MDB_txn *txn, gboolean create);

/* Gives each entry of a database to take, in order, until it returns FALSE with error. */
typedef gboolean (*StoreTake)(gpointer user, MDB_val key, MDB_val value, GError **error);
gboolean store_read(const Store *store, MDB_txn *txn, MDB_dbi database, StoreTake take, gpointer user,
                    GError **error);

/* Enlarges the map; no transaction may be open in this process. Returns an LMDB code. */
int store_grow(Store *store);

/* Releases the pages of an item's value in the map: they stay in the kernel's page cache and come back when touched,
 * but do not count as memory of this process. */
void store_forget(const Store *store, const void *value, gsize size);

/* Sets the error "cannot DOING FOLDER: WHY"; returns FALSE. */
gboolean store_fail(const Store *store, const char *doing, int code, GError **error);
gboolean store_damaged(const Store *store, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean store_empty(const Store *store, GError **error); /* nothing was ever stored */

/* store_databases must have succeeded in txn. */
Catalog *catalog_read(const Store *store, MDB_txn *txn, GError **error);

/* The keys of a class's or group's name, and of what was passed over. */
GBytes *catalog_name_key(guint32 id);
GBytes *catalog_passed_key(void);

/* Returns an LMDB code. */
int catalog_create(const Store *store, MDB_txn *txn, const FeatureSpec *spec, CacheStore form,
                   CacheShard shard);
void catalog_free(Catalog *catalog);

/* The items of a transaction, which may end then: features can be read only before. NULL and error on failure. */
Cache *cache_list(Store *store, MDB_txn *txn, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Catalog, catalog_free)
