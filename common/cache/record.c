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
static guint64 checksum(const void *key, gsize key_size, const guint8 *value, gsize size)
{
    return XXH3_64bits_withSeed(value + RECORD_CHECKSUM, size - RECORD_CHECKSUM, XXH3_64bits(key, key_size));
}

/* Writes the checksum to the start of a value. */
static void seal(GBytes *key, guint8 *value, gsize size)
{
    gsize key_size;
    const void *bytes = g_bytes_get_data(key, &key_size);
    guint64 sum = checksum(bytes, key_size, value, size);
    memcpy(value, &sum, sizeof sum);
}

gboolean record_sealed(const void *key, gsize key_size, const guint8 *value, gsize size)
{
    guint64 stored;
    if (size < RECORD_CHECKSUM)
        return FALSE;
    memcpy(&stored, value, sizeof stored);
    return stored == checksum(key, key_size, value, size);
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
    seal(key, value, size);
    return g_bytes_new_take(value, size);
}

static const guint32 UNNAMED =
    (RECORD_BEFORE - 1) & ~(RECORD_TABLED | RECORD_REVIEWED | RECORD_EXCLUDED | RECORD_BEFORE_TABLED);

GBytes *record_rename(const guint8 *value, gsize size, GBytes *key, const char *path, RecordLabel label)
{
    RecordHeader header;
    memcpy(&header, value, sizeof header);
    gsize kept = size - header.path_size;
    header.class_id = label.class_id;
    header.group = label.group;
    header.marks = (header.marks & UNNAMED) | label.marks;
    header.path_size = (guint32)strlen(path);
    guint8 *renamed = g_malloc(kept + header.path_size);
    memcpy(renamed, value, kept);
    memcpy(renamed, &header, sizeof header);
    memcpy(renamed + kept, path, header.path_size);
    seal(key, renamed, kept + header.path_size);
    return g_bytes_new_take(renamed, kept + header.path_size);
}

gboolean record_label(const RecordHeader *header, RecordNames names, CacheLabel *label)
{
    gboolean reviewed = header->marks & RECORD_REVIEWED;
    guint32 before = reviewed ? header->marks / RECORD_BEFORE : 0;
    if (header->class_id >= names.n_classes || header->group > names.n_groups || before >= names.n_classes)
        return FALSE;
    *label = (CacheLabel){.class_name = names.classes[header->class_id],
                          .group = header->group ? names.groups[header->group - 1] : NULL,
                          .tabled = header->marks & RECORD_TABLED,
                          .before = reviewed ? names.classes[before] : NULL,
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

gboolean record_parse_item(const void *key, gsize key_size, const guint8 *value, gsize size, gsize n,
                           RecordHeader *header, const char **path)
{
    if (size < RECORD_HEADER)
        return FALSE;
    memcpy(header, value, sizeof *header);
    if (!packed_size(header->packed, n) || size != item_size(header->packed, n, header->path_size))
        return FALSE;
    if (header->path_size <= RECORD_MAX_KEY) {
        *path = key;
        return header->path_size == key_size && !memchr(key, 0, key_size);
    }
    *path = (const char *)value + size - header->path_size;
    g_autofree char *text = g_strndup(*path, header->path_size);
    g_autoptr(GBytes) expected = record_key(text), found = g_bytes_new_static(key, key_size);
    return g_bytes_equal(expected, found);
}

GBytes *record_text(GBytes *key, const char *first, const char *second)
{
    gsize first_size = strlen(first), second_size = strlen(second);
    gsize size = RECORD_CHECKSUM + first_size + 1 + second_size;
    guint8 *value = g_malloc0(size);
    memcpy(value + RECORD_CHECKSUM, first, first_size);
    memcpy(value + RECORD_CHECKSUM + first_size + 1, second, second_size);
    seal(key, value, size);
    return g_bytes_new_take(value, size);
}

gboolean record_parse_text(const void *key, gsize key_size, const guint8 *value, gsize size,
                           const char **first, const char **second, gsize *second_size)
{
    const guint8 *zero = NULL;
    if (record_sealed(key, key_size, value, size))
        zero = memchr(value + RECORD_CHECKSUM, 0, size - RECORD_CHECKSUM);
    if (!zero)
        return FALSE;
    *first = (const char *)value + RECORD_CHECKSUM;
    *second = (const char *)zero + 1;
    *second_size = (gsize)(value + size - (zero + 1));
    return TRUE;
}

guint cache_path_copy(const char *path)
{
    const char *mark = strrchr(path, '#');
    guint64 number = 0;
    if (mark)
        g_ascii_string_to_unsigned(mark + 1, 10, 1, G_MAXINT32, &number, NULL);
    return (guint)number;
}

char *cache_path_image(const char *path)
{
    return cache_path_copy(path) ? g_strndup(path, (gsize)(strrchr(path, '#') - path)) : g_strdup(path);
}
