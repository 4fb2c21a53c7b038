/* record: see record.h. */
#include "common/cache/record.h"

#include <string.h>
#include <xxhash.h>

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN); /* values are used in place */

GBytes *record_key(const char *path)
{
    gsize size = strlen(path);
    if (size <= RECORD_MAX_KEY)
        return g_bytes_new(path, size);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, (gssize)size);
    char *key = g_strdup_printf("%.*s~%s", RECORD_CUT_KEY, path, hash);
    return g_bytes_new_take(key, strlen(key));
}

/* Seeded with the key, so that a value stored under the wrong key is detected. */
static guint64 checksum(MDB_val key, MDB_val value)
{
    return XXH3_64bits_withSeed((const guint8 *)value.mv_data + RECORD_CHECKSUM,
                                value.mv_size - RECORD_CHECKSUM, XXH3_64bits(key.mv_data, key.mv_size));
}

/* Writes the checksum to the start of a value, which it takes. */
static GBytes *seal(GBytes *key, guint8 *value, gsize size)
{
    guint64 sum = checksum(record_bytes(key), (MDB_val){size, value});
    memcpy(value, &sum, sizeof sum);
    return g_bytes_new_take(value, size);
}

gboolean record_sealed(MDB_val key, MDB_val value)
{
    guint64 stored;
    if (value.mv_size < RECORD_CHECKSUM)
        return FALSE;
    memcpy(&stored, value.mv_data, sizeof stored);
    return stored == checksum(key, value);
}

static gsize item_size(Packed packed, gsize features, gsize path_size)
{
    return RECORD_HEADER + packed_size(packed, features) + path_size;
}

/* As float16 if requested and possible, else as float32. */
static GByteArray *pack(const float *features, gsize n, CacheStore store, Packed *packed)
{
    GByteArray *halves = store == CACHE_FLOAT16 ? packed_float16(features, n, packed) : NULL;
    return halves ? halves : packed_float32(features, n, store != CACHE_FLOAT32, packed);
}

GBytes *record_item(GBytes *key, const char *path, RecordLabel label, const guint8 hash[CACHE_HASH],
                    const float *features, gsize n, CacheStore store)
{
    RecordHeader header = {.class_id = label.class_id,
                           .path_size = (guint32)strlen(path),
                           .group = label.group,
                           .marks = label.marks};
    g_autoptr(GByteArray) packed = pack(features, n, store, &header.packed);
    gsize size = item_size(header.packed, n, header.path_size);
    guint8 *value = g_malloc0(size);
    memcpy(header.hash, hash, CACHE_HASH);
    memcpy(value, &header, sizeof header);
    memcpy(value + RECORD_HEADER, packed->data, packed->len);
    memcpy(value + size - header.path_size, path, header.path_size);
    return seal(key, value, size);
}

static const guint32 UNNAMED =
    (RECORD_BEFORE - 1) & ~(RECORD_TABLED | RECORD_REVIEWED | RECORD_EXCLUDED | RECORD_BEFORE_TABLED);

GBytes *record_rename(MDB_val value, GBytes *key, const char *path, RecordLabel label)
{
    RecordHeader header;
    memcpy(&header, value.mv_data, sizeof header);
    gsize kept = value.mv_size - header.path_size;
    header.class_id = label.class_id;
    header.group = label.group;
    header.marks = (header.marks & UNNAMED) | label.marks;
    header.path_size = (guint32)strlen(path);
    guint8 *renamed = g_malloc(kept + header.path_size);
    memcpy(renamed, value.mv_data, kept);
    memcpy(renamed, &header, sizeof header);
    memcpy(renamed + kept, path, header.path_size);
    return seal(key, renamed, kept + header.path_size);
}

gboolean record_label(const RecordHeader *header, const Catalog *catalog, CacheLabel *label)
{
    const GPtrArray *classes = catalog->classes, *groups = catalog->groups;
    gboolean reviewed = header->marks & RECORD_REVIEWED;
    guint32 before = reviewed ? header->marks / RECORD_BEFORE : 0;
    if (header->class_id >= classes->len || header->group > groups->len || before >= classes->len)
        return FALSE;
    *label = (CacheLabel){.class_name = classes->pdata[header->class_id],
                          .group = header->group ? groups->pdata[header->group - 1] : NULL,
                          .tabled = header->marks & RECORD_TABLED,
                          .before = reviewed ? classes->pdata[before] : NULL,
                          .before_tabled = reviewed && header->marks & RECORD_BEFORE_TABLED,
                          .excluded = reviewed && header->marks & RECORD_EXCLUDED};
    return TRUE;
}

LabelsAction cache_label_action(const CacheLabel *label)
{
    return label->excluded                                                   ? LABELS_EXCLUDE
           : label->before && !g_str_equal(label->before, label->class_name) ? LABELS_RELABEL
                                                                             : LABELS_KEEP;
}

gboolean cache_label_same(const CacheLabel *a, const CacheLabel *b)
{
    return g_str_equal(a->class_name, b->class_name) && g_strcmp0(a->group, b->group) == 0 &&
           a->tabled == b->tabled && g_strcmp0(a->before, b->before) == 0 &&
           a->before_tabled == b->before_tabled && a->excluded == b->excluded;
}

CacheLabel cache_label_unreviewed(CacheLabel label)
{
    return label.before ? (CacheLabel){label.before, label.group, .tabled = label.before_tabled} : label;
}

CacheLabel cache_label_reviewed(const CacheLabel *now, CacheLabel unreviewed)
{
    CacheLabel label = *now;
    if (!now->before)
        return unreviewed;
    label.group = unreviewed.group;
    label.before = unreviewed.class_name;
    label.before_tabled = unreviewed.tabled;
    return label;
}

gboolean record_parse_item(MDB_val key, MDB_val value, gsize n, RecordHeader *header, const char **path)
{
    if (value.mv_size < RECORD_HEADER)
        return FALSE;
    memcpy(header, value.mv_data, sizeof *header);
    if (!packed_size(header->packed, n) || value.mv_size != item_size(header->packed, n, header->path_size))
        return FALSE;
    if (header->path_size <= RECORD_MAX_KEY) {
        *path = key.mv_data;
        return header->path_size == key.mv_size && !memchr(key.mv_data, 0, key.mv_size);
    }
    *path = (const char *)value.mv_data + value.mv_size - header->path_size;
    g_autofree char *text = g_strndup(*path, header->path_size);
    g_autoptr(GBytes) expected = record_key(text), found = g_bytes_new_static(key.mv_data, key.mv_size);
    return g_bytes_equal(expected, found);
}

GBytes *record_text(GBytes *key, const char *first, const char *second)
{
    gsize first_size = strlen(first), second_size = strlen(second);
    gsize size = RECORD_CHECKSUM + first_size + 1 + second_size;
    guint8 *value = g_malloc0(size);
    memcpy(value + RECORD_CHECKSUM, first, first_size);
    memcpy(value + RECORD_CHECKSUM + first_size + 1, second, second_size);
    return seal(key, value, size);
}

gboolean record_parse_text(MDB_val key, MDB_val value, const char **first, const char **second,
                           gsize *second_size)
{
    const char *text = value.mv_data, *end = text + value.mv_size, *zero = NULL;
    if (record_sealed(key, value))
        zero = memchr(text + RECORD_CHECKSUM, 0, value.mv_size - RECORD_CHECKSUM);
    if (!zero)
        return FALSE;
    *first = text + RECORD_CHECKSUM;
    *second = zero + 1;
    *second_size = (gsize)(end - *second);
    return TRUE;
}

guint cache_path_copy(const char *path)
{
    const char *mark = strrchr(path, '#');
    guint64 number;
    return mark && g_ascii_string_to_unsigned(mark + 1, 10, 1, G_MAXINT32, &number, NULL) ? (guint)number : 0;
}

char *cache_path_image(const char *path)
{
    return cache_path_copy(path) ? g_strndup(path, (gsize)(strrchr(path, '#') - path)) : g_strdup(path);
}
