/* packed: D features as a record holds them; the layouts are drawn in cache.h. No LMDB here.
 *
 * Reading trusts nothing but the sizes it is given: whatever the bytes are, and even while another program changes
 * them, nothing beyond `size` bytes is read, nothing beyond the caller's buffer written. */
#pragma once
#include <glib.h>

typedef enum {
    PACKED_PADDED,   /* format 1: D float32; the record, not the features, is padded */
    PACKED_FLOAT32,  /* D float32 */
    PACKED_SPARSE32, /* bitmap of those that are not zero, those as float32 */
    PACKED_FLOAT16,  /* D float16 */
    PACKED_SPARSE16, /* bitmap, float16 */
    PACKED_ENCODINGS,
} PackedEncoding;

typedef struct {
    guint32 encoding; /* PackedEncoding; from a file: any number */
    guint32 nonzeros; /* features that are not zero; not known (0) where padded */
} Packed;

/* Bytes of n features so packed; 0 where there is no such encoding or nonzeros exceeds n. */
gsize packed_size(Packed packed, gsize n);

/* n features packed as float32, sparse wherever that takes fewer bytes and `sparse` allows it. */
GByteArray *packed_float32(const float *features, gsize n, gboolean sparse, Packed *packed);

/* As half floats, sparse where smaller; NULL where one of them is not finite so. */
GByteArray *packed_float16(const float *features, gsize n, Packed *packed);

/* Features first … first+count-1 of n into out; first: a multiple of 64. bytes: packed_size() of them, at any address.
 * FALSE where the bitmap does not fit nonzeros: of a part, as far as it looked. */
gboolean packed_read(const guint8 *bytes, Packed packed, gsize n, gsize first, gsize count, float *out);

/* The features where they lie, float32 on an address made for it; else NULL. */
const float *packed_in_place(const guint8 *bytes, Packed packed);
