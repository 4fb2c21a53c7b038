/* packed: encodes and decodes the D features of a record; the layouts are drawn in cache.h. Independent of LMDB.
 *
 * Reading trusts only the sizes it is given: whatever the bytes are, even while another program changes them, nothing
 * is read beyond packed_size() bytes and nothing is written beyond the caller's buffer. */
#pragma once
#include <glib.h>

typedef enum {
    PACKED_FLOAT32 = 1, /* D float32 */
    PACKED_SPARSE32,    /* bitmap, then the non-zero features as float32 */
    PACKED_FLOAT16,     /* D float16 */
    PACKED_SPARSE16,    /* bitmap, then the non-zero features as float16 */
    PACKED_ENCODINGS,
} PackedEncoding;

typedef struct {
    guint32 encoding; /* PackedEncoding; read from a file it may be any number */
    guint32 nonzeros; /* number of non-zero features */
} Packed;

/* Bytes of n features in this encoding; 0 if the encoding is unknown or nonzeros exceeds n. */
gsize packed_size(Packed packed, gsize n);

/* Encodes n features as float32, sparse if `sparse` is set and that takes fewer bytes. */
GByteArray *packed_float32(const float *features, gsize n, gboolean sparse, Packed *packed);

/* Encodes n features as float16, sparse if smaller; NULL if one of them is not finite in float16. */
GByteArray *packed_float16(const float *features, gsize n, Packed *packed);

/* Decodes features first … first+count-1 of n into out; first: a multiple of 64. bytes: packed_size() of them, at any
 * address. FALSE if the bitmap contradicts nonzeros, as far as this part shows. */
gboolean packed_read(const guint8 *bytes, Packed packed, gsize n, gsize first, gsize count, float *out);

/* The features in place if they are plain float32 at a suitably aligned address; else NULL. */
const float *packed_in_place(const guint8 *bytes, Packed packed);
