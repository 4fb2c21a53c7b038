/* record: builds and parses a cache's keys and values; the layout is drawn in cache.h. Of LMDB, only
 * its type of bytes is used. */
#pragma once
#include "common/cache/cache.h"
#include "common/cache/packed.h"
#include <lmdb.h>

enum {
    RECORD_FORMAT = 2,
    RECORD_HEADER = 64,   /* bytes before the features */
    RECORD_MAX_KEY = 500, /* bytes; longer paths are cut */
    RECORD_CUT_KEY = 400, /* to this length, followed by '~' and 64 digits of their SHA-256 */
    RECORD_CHECKSUM = 8,  /* bytes of the checksum at the start of every value */
};

enum { /* marks, by their meaning in cache.h */
       RECORD_TABLED = 1,
       RECORD_REVIEWED = 2,
       RECORD_EXCLUDED = 4,
       RECORD_BEFORE_TABLED = 8,
       RECORD_BEFORE = 256, /* times the id of the class before */
};

/* The parts of a label, by number. */
typedef struct {
    guint32 class_id, group, marks; /* as in the header */
} RecordLabel;

typedef struct {
    guint64 checksum;
    guint32 class_id, path_size;
    guint8 hash[CACHE_HASH];
    Packed packed; /* how the features are stored */
    guint32 group; /* 1 + its id; 0: none */
    guint32 marks; /* others than those above are kept */
} RecordHeader;
G_STATIC_ASSERT(sizeof(RecordHeader) == RECORD_HEADER);

/* Borrowed. */
static inline MDB_val record_bytes(GBytes *bytes)
{
    MDB_val value;
    value.mv_data = (void *)g_bytes_get_data(bytes, &value.mv_size);
    return value;
}

/* The key of a path, without a final zero. */
GBytes *record_key(const char *path);

/* TRUE if the value's checksum holds under this key. */
gboolean record_sealed(MDB_val key, MDB_val value);

/* The value of an item with its checksum. */
GBytes *record_item(GBytes *key, const char *path, RecordLabel label, const guint8 hash[CACHE_HASH],
                    const float *features, gsize n, CacheStore store);

/* The same item under another path and label: a copy of a valid value. */
GBytes *record_rename(MDB_val value, GBytes *key, const char *path, RecordLabel label);

/* The label of an item, in the catalog's names; FALSE if there are none for its ids. */
gboolean record_label(const RecordHeader *header, const Catalog *catalog, CacheLabel *label);

/* Reads the header of an item's value and finds its path (path_size bytes, no final zero); FALSE if the sizes do not
 * fit n features or the key is not the path's. Does not verify the checksum, and touches only the first page, and the
 * last one if the path is longer than RECORD_MAX_KEY. */
gboolean record_parse_item(MDB_val key, MDB_val value, gsize n, RecordHeader *header, const char **path);

/* Any other value: checksum, the first text with its final zero, the second text without one. */
GBytes *record_text(GBytes *key, const char *first, const char *second);

/* The two texts in place in such a value; FALSE if the checksum fails or the zero is missing. *second has no final
 * zero. */
gboolean record_parse_text(MDB_val key, MDB_val value, const char **first, const char **second,
                           gsize *second_size);
