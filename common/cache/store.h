/* store: a cache's folder and its LMDB environment, opened with care. Reader and writer stand on it.
 *
 * Opening checks the file first (lmdb_check.h), keeps a second writer out by flock on the folder, and refuses
 * to open a folder twice in this process, which LMDB cannot bear. LMDB's codes become sentences here. */
#pragma once
#include "common/cache/record.h"
#include <lmdb.h>

#define STORE_ROOM_MIN ((gsize)64 << 20) /* by which the map of a writer exceeds the file, at least */

typedef struct {
    char *folder;   /* as given */
    int directory;  /* the folder itself, opened; a writer's lock is on it */
    char *identity; /* device and inode, the key of the table of open folders */
    MDB_env *env;
    MDB_dbi meta, classes, items, skipped; /* valid after store_begin or store_create */
} Store;

Store *store_open(const char *folder, gboolean writing, GError **error);
void store_close(Store *store);

/* A read transaction on the newest snapshot, whose tree has been checked. */
MDB_txn *store_begin_checked(Store *store, GError **error);

/* Opens the named databases; with create, makes those that are missing. An LMDB code: MDB_NOTFOUND where one
 * is missing. */
int store_databases(Store *store, MDB_txn *txn, gboolean create);

/* More room in the map; no transaction may be open in this process. An LMDB code. */
int store_grow(Store *store);

/* Lets go of an item's value in the map: it stays in the kernel's cache and is there again when it is
 * touched, but does not count as memory of this process. */
void store_forget(const Store *store, const void *value, gsize size);

/* "cannot DOING FOLDER: WHY"; always FALSE. */
gboolean store_fail(const Store *store, const char *doing, int code, GError **error);
gboolean store_damaged(const Store *store, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean store_unborn(const Store *store, GError **error); /* nothing was ever stored */

/* What a cache says of itself. */
typedef struct {
    FeatureSpec *spec;
    RecordForm form; /* of its records */
    CacheShard shard;
    char *program;      /* that made it, with its version */
    GPtrArray *classes; /* char*, by class id */
} Catalog;

/* store_databases has succeeded in txn. */
Catalog *catalog_read(const Store *store, MDB_txn *txn, GError **error);

/* LMDB codes. */
int catalog_create(const Store *store, MDB_txn *txn, const FeatureSpec *spec, CacheStore form,
                   CacheShard shard);
int catalog_add_class(const Store *store, MDB_txn *txn, guint32 id, const char *name);
void catalog_free(Catalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Catalog, catalog_free)
