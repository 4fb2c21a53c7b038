/* cache: feature vectors of images in LMDB, each with its class, the hash of its file and a checksum.
 *
 * A folder with LMDB's data.mdb and lock.mdb. Named databases inside, each value beginning with its checksum, XXH3-64 of all
 * after it, seeded with the XXH3-64 of the value's key:
 *   meta     "cache"   checksum | JSON: format (2), store, shard (of a shard: [I, N]), program, recipe | 0; the product of
 *                      recipe's shape, [H, W, C], is D, the number of features
 *            "passed"  checksum | what the last extraction passed over (dataset_passed) | 0; may be missing
 *   classes  class id  checksum | name | 0          the name "" is that of images without a label
 *   groups   group id  checksum | name | 0          may be missing, as in caches made before there were groups
 *   items    KEY       the record below
 *   skipped  KEY       checksum | reason | 0 | path
 * Class and group ids (u32, big-endian in keys) are assigned in order of arrival and never change; "skipped" lists the inputs
 * that could not be used.
 *
 * KEY is the image's path below the image folder; a path longer than 500 bytes is cut to 400, followed by '~' and the
 * SHA-256 of the whole path. Paths and names are the file system's bytes, in any encoding. Augmented copies
 * k = 1, 2, … of an image are separate items with the path PATH#k: no image file's name ends like that, and the copies
 * sort behind their image.
 *
 * The record, little-endian:
 *   +-------------+-------------+----------+-------------------+--------------+--------------+---------+----------+------+
 *   | checksum u64| class id u32| path u32 | content hash 32 B | encoding u32 | nonzeros u32 | label u64 | features | path |
 *   +-------------+-------------+----------+-------------------+--------------+--------------+---------+----------+------+
 * class id: a key of the classes database; content hash: SHA-256 of the image file (of a copy: of that and its augmentation);
 * path u32: length in bytes of the path at the end; nonzeros: M, the number of features other than +0 (all bits 0).
 * label: u32 1 + the id of the group, 0 for none; u32 bits, all 0 where nothing was said of the image but its folder:
 *   1      the class is a table's (not that of a folder)
 *   2      a review decided on the image (extract --apply): only then the following bits have a meaning
 *   4      it excluded the image, which readers leave out
 *   8      before it, the class was a table's
 *   256    times the class id (below 2^24) that the image would have without the review
 * Bits that are not named here are kept, and without a meaning. A reader that does not know reviews sees the class that
 * was decided, and the excluded images among the others.
 * The features by encoding:
 *   1 | D f32 |                              4 D bytes
 *   2 | bitmap | M f32 |                     8 ceil(D/64) + 4 M
 *   3 | D f16 |                              2 D
 *   4 | bitmap | M f16 |                     8 ceil(D/64) + 2 M
 * bitmap: ceil(D/64) u64; bit j % 64 of word j / 64 is set if feature j is not zero, bits from D on are 0. The values
 * of these features follow in order. f16: IEEE 754 binary16, rounded to nearest even.
 *
 * --store selects the encoding. sparse: 2 if that is smaller, else 1. float32: 1. Both are lossless. float16: 4 if
 * that is smaller, else 3; the error of a feature x is at most 2^-11 |x| where |x| >= 2^-14, and 2^-25 below that. A
 * vector with a value that binary16 would round to infinity (|x| >= 65520) is stored as by sparse.
 *
 * Items are sorted by the bytes of their keys, the augmented copies after all images. Labels are indices into the
 * classes that have items, sorted by bytes, whatever the class ids. What is stored for an image does not depend on
 * threads, batches or order of arrival; where LMDB places it in data.mdb does.
 *
 * Each commit is one synced transaction: after kill -9 or power loss all earlier commits are intact. The map grows as
 * needed. One writer at a time (a second one is refused); readers do not block it. LMDB allows no network
 * filesystem and no use across fork, and no folder may be opened twice in a process (refused). The file is checked
 * (lmdb_check.h) before LMDB follows any pointer in it. */
#pragma once
#include "common/arithmetic/rows.h"
#include "common/core/memory.h"
#include "common/dataset/dataset.h"
#include "common/dataset/labels.h"
#include "common/vgg16/feature_spec.h"

enum { CACHE_HASH = 32 }; /* bytes of SHA-256 */

/* How features are stored; see above. */
typedef enum { CACHE_SPARSE, CACHE_FLOAT16, CACHE_FLOAT32 } CacheStore;
#define CACHE_STORE_CHOICES            "sparse|float16|float32"
#define cache_store_name(store)        choice_name(CACHE_STORE_CHOICES, (int)(store))
#define cache_store_parse(name, store) choice_parse(CACHE_STORE_CHOICES, name, (int *)(store))

/* What is known of an image besides its features. */
typedef struct {
    const char *class_name; /* "": without a label */
    const char *group;      /* of images that belong together; NULL: none */
    gboolean tabled;        /* the class is a table's, not that of its folder */
    const char *
        before; /* the class that it would have without a review (extract --apply); NULL: none decided on it */
    gboolean before_tabled; /* and tabled */
    gboolean excluded;      /* by the review */
} CacheLabel;

/* What the review decided on an image with `before`, by its result; LABELS_KEEP without a review. */
LabelsAction cache_label_action(const CacheLabel *label);
gboolean cache_label_same(const CacheLabel *a, const CacheLabel *b);
CacheLabel cache_label_unreviewed(CacheLabel label); /* without what a review decided */
/* The label of an image that has this one now, but whose folder or table says `unreviewed`: a review stays. */
CacheLabel cache_label_reviewed(const CacheLabel *now, CacheLabel unreviewed);

typedef struct {
    const char *path;        /* below the image folder */
    int label;               /* index into classes; -1: without a label, or excluded */
    guint8 hash[CACHE_HASH]; /* of the image file's content; for a copy, of that hash and its augmentation */
    guint copy;              /* k of an augmented copy; 0: the image itself */
    CacheLabel given;
} CacheItem;

/* Of an item's path, PATH or PATH#k: k, or 0; and PATH, which the caller frees. */
guint cache_path_copy(const char *path);
char *cache_path_image(const char *path);

typedef struct {
    const char *path;
    const char *reason;
} CacheSkipped;

/* Part `index` (from 0) of `count` into which one extraction is divided; count 0: not divided. */
typedef struct {
    guint index, count;
} CacheShard;

/* A cache's description of itself. */
typedef struct {
    FeatureSpec *spec;
    CacheStore store; /* of its records */
    CacheShard shard;
    char *program;               /* that made it: "vggcache 0.1.0" */
    char *passed;                /* what the last extraction passed over; "" for nothing */
    GPtrArray *classes, *groups; /* char*, by id */
} Catalog;

/* ---- Reading: a snapshot. What the functions return is valid until cache_close; safe from several threads. ---- */

typedef struct {
    const char *path; /* as given to cache_open */
    Catalog *catalog;
    const FeatureSpec *spec; /* the catalog's */
    GPtrArray *classes;      /* char*, by label; a reference may outlive the cache */
    guint images;            /* items 0 … images-1 */
    guint total;             /* with the augmented copies, which are items images … total-1 */
    guint all;               /* with what has no label or is excluded, which is items total … all-1 */
    GArray *skipped;         /* CacheSkipped */
    /* The rest is private. */
    struct Store *store;
    struct MDB_txn *txn; /* holds the snapshot, and with it the store; NULL: of a list without features */
    GStringChunk *texts;
    GArray *entries; /* of the items */
    guint excluded;  /* images */
} Cache;

/* Whether a cache seems to lie here. */
gboolean cache_is(const char *path);

Cache *cache_open(const char *path, GError **error);
void cache_close(Cache *cache);
/* Says, if there are images without a label, or that a review excluded, that they are left out. */
void cache_remark_left_out(const Cache *cache);

/* Adds the images without a label to the images, with label -1, and drops the augmented copies and what was excluded.
 * Call it right after cache_open or cache_choose: it renumbers the items. */
void cache_take_unlabelled(Cache *cache);

/* Restricts the cache to the images that the filter selects, with their copies and classes, as if no others had been
 * extracted; listed images that the cache lacks are ignored. FALSE and error if a class is missing or nothing is left.
 * Call it right after cache_open: it renumbers the items. */
gboolean cache_choose(Cache *cache, const DatasetFilter *filter, GError **error);
const char *cache_class(const Cache *cache, int label); /* "" for -1 */
const CacheItem *cache_item(const Cache *cache, guint index);
Dataset *cache_dataset(const Cache *cache); /* its images, in their order; the caller's */
CacheSkipped cache_skipped(const Cache *cache, guint index);

/* Bytes that an item's features take in the file. nonzeros: how many are not zero. */
gsize cache_stored(const Cache *cache, guint index, guint *nonzeros);

/* The D features of an item: in the map itself if they are stored as aligned float32 (no copy), else expanded into the
 * caller's buffer (D). The pointer is valid until the buffer is reused, and no longer than until cache_close. The first
 * call for each item verifies the record's checksum: NULL and error if it fails. Threads may read concurrently, each
 * with its own buffer. */
const float *cache_features(Cache *cache, guint index, float *buffer, GError **error);

/* The features of images 0 … count-1, each of which cache_features must have returned before. */
Rows cache_rows(Cache *cache);

/* Hint that these features will not be read soon: their pages no longer count as memory of this process. Pointers to
 * them stay valid. */
void cache_forget(Cache *cache, guint index);

/* ---- Writing ---- */
typedef struct {
    FeatureSpec *spec;   /* of the features, with tiles */
    CacheStore encoding; /* of the records */
    /* The rest is private. */
    struct Store *store;
    char *passed;       /* as stored, or queued */
    GHashTable *ids[2]; /* of classes and groups: name -> id, including those queued */
    GArray *changes;    /* queued */
    GRWLock map_lock;   /* held for reading by read transactions, for writing while the map is grown */
} CacheWriter;

typedef struct {
    const CacheStore *store; /* NULL: what an existing cache has, CACHE_SPARSE for a new one */
    CacheShard shard;

    /* NULL: use the specification's tiles. Otherwise an existing cache keeps its own tiles and its way with metadata,
     * whatever the specification says, and for a new one this is called once to fill them in. */
    void (*choose_tiles)(FeatureSpec *spec, gpointer user);
    gpointer user;
} CacheForm;

/* Creates the cache, or opens an existing one to add to it; NULL and error also if its specification or form
 * differs. form NULL: what an existing cache has; a new one is sparse and not a shard. */
CacheWriter *cache_writer_open(const char *path, const FeatureSpec *spec, const CacheForm *form,
                               GError **error);

/* Memory of a writer that opens the cache of this path, if there is one, and commits up to `images` at a time. */
MemoryNeed cache_writer_memory(const char *path, const FeatureSpec *spec, guint images);

/* The hash of the content that the committed features of this path were computed from; FALSE if there are none or their
 * checksum fails. Safe from several threads, also while another one commits. */
gboolean cache_writer_lookup(CacheWriter *writer, const char *path, guint8 hash[CACHE_HASH]);

/* All that is committed, but for features. To be closed before the writer. NULL and error on failure. */
Cache *cache_writer_list(CacheWriter *writer, GError **error);

/* Queued with copies of the arguments, and applied together by the next commit, in order. put and skip replace what is
 * stored under this path, item or skipped; remove deletes it; copy stores the committed or queued item `from` under
 * another path (or the same) and label. */
void cache_writer_put(CacheWriter *writer, const char *path, const CacheLabel *label,
                      const guint8 hash[CACHE_HASH], const float *features);
void cache_writer_skip(CacheWriter *writer, const char *path, const char *reason);
void cache_writer_remove(CacheWriter *writer, const char *path);
void cache_writer_copy(CacheWriter *writer, const char *from, const char *path, const CacheLabel *label);
void cache_writer_passed(CacheWriter *writer,
                         const char *passed);          /* what this extraction passed over; NULL: nothing */
guint cache_writer_pending(const CacheWriter *writer); /* how many are queued */

/* If the map is full, it is grown and the batch retried. FALSE and error on failure (full disk, …): earlier commits
 * stay, and the batch stays queued. */
gboolean cache_writer_commit(CacheWriter *writer, GError **error);

/* The same where much is queued. A commit waits for the disk: with 512 vectors each, half as long as with 64, for 27 MB
 * more (29 KB a vector); larger vectors are fewer at a time, as they wait in memory. */
gboolean cache_writer_commit_often(CacheWriter *writer, GError **error);

/* Does not commit: queued changes are lost. */
void cache_writer_close(CacheWriter *writer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cache, cache_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheWriter, cache_writer_close)
