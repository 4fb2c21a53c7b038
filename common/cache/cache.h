/* cache: feature vectors of images in LMDB, each with its class, the hash of its file and a checksum.
 *
 * A folder with LMDB's data.mdb and lock.mdb. Databases inside:
 *   meta     "cache"  JSON: format version, recipe, class table (append-only, in order of arrival), program version
 *   items    KEY      record, below
 *   skipped  KEY      JSON: reason, content hash: inputs that could not be used
 *
 * KEY is the image's path below the image folder; one of more than 500 bytes is cut to 400 and completed by '~' and the
 * SHA-256 of the whole. The record, little-endian, at an address that is a multiple of 16:
 *   +-------------+-------------+----------+-------------------+--------------------+---------------------------+------+
 *   | checksum u64| class id u32| path u32 | content hash 32 B | reserved, zero 16 B| D features f32            | path |
 *   +-------------+-------------+----------+-------------------+--------------------+---------------------------+------+
 * checksum: XXH3-64 of all that follows it; class id: into the class table; path: bytes of the path at the end.
 *
 * Items are in byte order of their keys; labels are indices into the classes in byte order, whatever the class ids.
 * Durability: each commit is a transaction, synced; kill -9 or power loss keeps all commits before it. The map grows
 * by itself. One writer at a time (a second one is refused in a sentence); readers do not block it.
 * Not on network filesystems and not across fork (LMDB's rules). A file is checked (lmdb_check.h) before LMDB maps it. */
#pragma once
#include "common/cache/recipe.h"

enum { CACHE_HASH = 32 }; /* bytes of SHA-256 */

typedef struct {
    const char *path;   /* below the image folder */
    int label;          /* index into cache_classes */
    guint8 hash[CACHE_HASH]; /* of the image file's content */
} CacheItem;

typedef struct {
    const char *path;
    const char *reason;
} CacheSkipped;

/* ---- Reading: a snapshot. What the functions return lives until cache_close; safe from several threads. ---- */
typedef struct Cache Cache;

Cache *cache_open(const char *path, GError **error);
void cache_close(Cache *cache);
const Recipe *cache_recipe(const Cache *cache);
guint cache_classes(const Cache *cache);
const char *cache_class(const Cache *cache, guint label);
guint cache_count(const Cache *cache);
const CacheItem *cache_item(const Cache *cache, guint index);
guint cache_skipped_count(const Cache *cache);
CacheSkipped cache_skipped(const Cache *cache, guint index);
const char *cache_path(const Cache *cache); /* as given to cache_open */

/* The D features of an item, in place in the map: zero-copy. The record's checksum is verified at the first call for
 * each item; NULL and error where it does not hold. */
const float *cache_features(Cache *cache, guint index, GError **error);

/* ---- Writing ---- */
typedef struct CacheWriter CacheWriter;

/* Creates the cache, or opens one to continue; refuses one whose recipe differs, in a sentence. */
CacheWriter *cache_writer_open(const char *path, const Recipe *recipe, GError **error);

/* TRUE where KEY is stored with features made from this very content (safe from several threads). */
gboolean cache_writer_has(CacheWriter *writer, const char *path, const guint8 hash[CACHE_HASH]);

/* These take effect together at the next commit; a full map is grown and the batch replayed. On failure (full disk, …)
 * FALSE with a sentence; what was committed before stays. put copies what it is given. */
gboolean cache_writer_put(CacheWriter *writer, const char *path, const char *class_name, const guint8 hash[CACHE_HASH],
                          const float *features, GError **error);
gboolean cache_writer_skip(CacheWriter *writer, const char *path, const char *reason, GError **error); /* drops its item too */
gboolean cache_writer_remove(CacheWriter *writer, const char *path, GError **error);
gboolean cache_writer_commit(CacheWriter *writer, GError **error);

/* Commits nothing: what was not committed is lost. */
void cache_writer_close(CacheWriter *writer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cache, cache_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheWriter, cache_writer_close)
