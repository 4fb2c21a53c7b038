/* cache: feature vectors of images in LMDB, each with its class, the hash of its file and a checksum.
 *
 * A folder with LMDB's data.mdb and lock.mdb. Databases inside, each value beginning with its checksum:
 *   meta     "cache"   checksum | JSON: format, store, shard (of a shard: [I, N]), program, recipe | 0
 *   classes  class id  checksum | name | 0
 *   items    KEY       the record below
 *   skipped  KEY       checksum | reason | 0 | path
 * Class ids (u32, big-endian in keys) are given in order of arrival and never change; skipped are inputs that
 * could not be used.
 *
 * KEY is the image's path below the image folder; one of more than 500 bytes is cut to 400 and completed by
 * '~' and the SHA-256 of the whole. Paths and names are bytes as the file system has them, whatever their
 * encoding. Augmented copies k = 1, 2, … of an image are items of their own under PATH#k: no image file's
 * name ends so, and the copies follow it.
 *
 * The record, little-endian:
 *   +-------------+-------------+----------+-------------------+--------------+--------------+---------+----------+------+
 *   | checksum u64| class id u32| path u32 | content hash 32 B | encoding u32 | nonzeros u32 | zero u64| features | path |
 *   +-------------+-------------+----------+-------------------+--------------+--------------+---------+----------+------+
 * checksum: XXH3-64 of all that follows it, seeded by the XXH3-64 of KEY; class id: into the class table;
 * path: bytes of the path at the end; nonzeros: features that are not zero (+0: all bits 0), M. The features by
 * encoding:
 *   1 | D f32 |                              4 D bytes
 *   2 | bitmap | M f32 |                     8 ceil(D/64) + 4 M
 *   3 | D f16 |                              2 D
 *   4 | bitmap | M f16 |                     8 ceil(D/64) + 2 M
 * bitmap: ceil(D/64) u64; feature j is not zero where bit j % 64 of word j / 64 is set, bits from D on are 0. The
 * values of these features follow in order. f16: IEEE 754 binary16, rounded to nearest even.
 *
 * Which encoding, --store says: sparse takes 2 where it is smaller than 1, and float32 takes 1; both give back what
 * was put, bit for bit. float16 takes 4 where it is smaller than 3: of a feature x, the error is at most 2^-11 |x|
 * where |x| >= 2^-14 and 2^-25 below that; a vector with a value that would become infinite (|x| >= 65520) is stored as
 * by sparse.
 *
 * Format 1 (before this one): encoding, nonzeros and the u64 after them are 0, then D f32; a record below 16,384
 * bytes has zeros before the path to make it so long. Such a cache is read, and continued in its own format; merging it
 * into a new one converts it.
 *
 * Items are in byte order of their keys, the augmented copies after all images; labels are indices into the
 * classes that have items, in byte order, whatever the class ids. What is stored for an image does not depend
 * on threads, batches or the order of arrival; only where LMDB puts its pages in data.mdb does.
 *
 * Each commit is a transaction, synced: kill -9 or power loss keeps all commits before it. The map grows by
 * itself. One writer at a time (a second one is refused in a sentence); readers do not block it. Not on
 * network filesystems and not across fork (LMDB's rules), and not opened twice in a process (refused). A file
 * is checked (lmdb_check.h) before LMDB follows a pointer in it. Errors: CACHE_ERROR (cache_error.h). */
#pragma once
#include "common/core/memory.h"
#include "common/core/rows.h"
#include "common/dataset/dataset.h"
#include "common/vgg16/feature_spec.h"

enum { CACHE_HASH = 32 }; /* bytes of SHA-256 */

/* How features are stored, see above. */
typedef enum { CACHE_SPARSE, CACHE_FLOAT16, CACHE_FLOAT32 } CacheStore;
#define CACHE_STORE_CHOICES "sparse|float16|float32"
const char *cache_store_name(CacheStore store);
gboolean cache_store_parse(const char *name, CacheStore *store);

typedef struct {
    const char *path;        /* below the image folder */
    int label;               /* index into cache_classes */
    guint8 hash[CACHE_HASH]; /* of the image file's content; of a copy, of that and of how it was augmented */
    guint copy;              /* k of an augmented copy; 0: the image itself */
} CacheItem;

/* Bytes of PATH in an item's path, PATH or PATH#k; copy: k, or 0. */
gsize cache_path_image(const char *path, guint *copy);

typedef struct {
    const char *path;
    const char *reason;
} CacheSkipped;

/* Part `index` of `count` that share the images of one extraction; count 0: no part. */
typedef struct {
    guint index, count;
} CacheShard;

/* ---- Reading: a snapshot. What the functions return lives until cache_close; safe from several threads.
 * ---- */
typedef struct Cache Cache;

Cache *cache_open(const char *path, GError **error);
void cache_close(Cache *cache);
/* From now on the cache has only the images that the filter takes, and their copies and classes, as if no others had been
 * extracted; listed images that it does not have are passed over. FALSE and error where a class is not there, or
 * nothing is left. Call it right after cache_open: it moves items. */
gboolean cache_choose(Cache *cache, const DatasetFilter *filter, GError **error);
const FeatureSpec *cache_feature_spec(const Cache *cache);
const char *cache_program(const Cache *cache); /* that made it: "vggcache 0.1.0" */
guint cache_classes(const Cache *cache);
const char *cache_class(const Cache *cache, guint label);
guint cache_count(const Cache *cache); /* images: items 0 … count-1 */
guint cache_total(const Cache *cache); /* with the augmented copies, which are items count … total-1 */
const CacheItem *cache_item(const Cache *cache, guint index);
guint cache_skipped_count(const Cache *cache);
CacheSkipped cache_skipped(const Cache *cache, guint index);
const char *cache_path(const Cache *cache); /* as given to cache_open */

CacheStore cache_store(const Cache *cache);
CacheShard cache_shard(const Cache *cache);

/* What an item's features take in the file. nonzeros: how many are not zero; -1 where it is not known (format 1). */
gsize cache_stored(const Cache *cache, guint index, gint64 *nonzeros);

/* The D features of an item: in place in the map where they are stored so (zero-copy), else expanded into buffer (D),
 * which is the caller's. What is returned is good until the buffer is used for another item, and no longer than
 * cache_close. The record's checksum is verified at the first call for each item; NULL and error where it does not
 * hold. Threads may read at once, each with a buffer of its own. */
const float *cache_features(Cache *cache, guint index, float *buffer, GError **error);

/* Features first … first+count-1 only, into buffer (count) or in place; first: a multiple of 64. */
const float *cache_features_range(Cache *cache, guint index, gsize first, gsize count, float *buffer,
                                  GError **error);

/* The features of the images 0 … count-1, each of which cache_features has given before. */
Rows cache_rows(Cache *cache);

/* A hint that these features will not be read soon: they no longer count as memory of this process. A pointer
 * to them stays valid. */
void cache_forget(Cache *cache, guint index);

/* ---- Writing ---- */
typedef struct CacheWriter CacheWriter;

typedef struct {
    const CacheStore *store; /* NULL for what the cache has, and CACHE_SPARSE for a new one */
    CacheShard shard;

    /* NULL: the tiles are the specification's. Else an existing cache keeps its own, whatever the specification's; and of a new one
     * the specification is completed by this, called once. */
    void (*choose_tiles)(FeatureSpec *spec, gpointer user);
    gpointer user;
} CacheForm;

/* Creates the cache, or opens one to continue; refuses one whose specification or form differs, in a sentence. form: NULL for
 * what the cache has; a new one is sparse and no shard. */
CacheWriter *cache_writer_open(const char *path, const FeatureSpec *spec, const CacheForm *form,
                               GError **error);

/* Of one whose commits have up to `images` in them. */
MemoryNeed cache_writer_memory(const FeatureSpec *spec, guint images);
CacheStore cache_writer_store(const CacheWriter *writer);
const FeatureSpec *cache_writer_feature_spec(const CacheWriter *writer); /* of what is put, tiles included */

/* The hash of the content that the committed features of this path were made from; FALSE where there are
 * none, or where their checksum does not hold. Safe from several threads, and while another one commits. */
gboolean cache_writer_lookup(CacheWriter *writer, const char *path, guint8 hash[CACHE_HASH]);

/* The paths of all committed items and skipped inputs (char*, no order). NULL and error where it fails. */
GPtrArray *cache_writer_paths(CacheWriter *writer, GError **error);

/* These are queued, copying what they are given, and take effect together at the next commit. put and skip
 * replace what was there under this path, item or skipped; remove drops it. */
void cache_writer_put(CacheWriter *writer, const char *path, const char *class_name,
                      const guint8 hash[CACHE_HASH], const float *features);
void cache_writer_skip(CacheWriter *writer, const char *path, const char *reason);
void cache_writer_remove(CacheWriter *writer, const char *path);
guint cache_writer_pending(const CacheWriter *writer); /* how many are queued */

/* A full map is grown and the batch replayed. FALSE with a sentence where it fails (full disk, …): what was
 * committed before stays, the batch stays queued. */
gboolean cache_writer_commit(CacheWriter *writer, GError **error);

/* Commits nothing: what was not committed is lost. */
void cache_writer_close(CacheWriter *writer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cache, cache_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheWriter, cache_writer_close)
