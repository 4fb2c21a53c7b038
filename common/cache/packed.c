/* packed: see packed.h. Features are packed and unpacked in blocks, through buffers with room for the few elements that
 * the kernels read and write beyond a block. */
#include "common/cache/packed.h"

#include "common/arithmetic/kernels.h"
#include "common/core/floats.h"

#include <string.h>

enum {
    BLOCK = 1024, /* features */
    WORDS = BLOCK / PACKING_WORD,
    ALIGNMENT = 16, /* bytes, of features used in place */
};

static const guint8 value_sizes[PACKED_ENCODINGS] = {0, 4, 4, 2, 2};

static gboolean is_sparse(guint32 encoding)
{
    return encoding == PACKED_SPARSE32 || encoding == PACKED_SPARSE16;
}

static gsize bitmap_size(gsize n)
{
    return (n + PACKING_WORD - 1) / PACKING_WORD * sizeof(guint64);
}

gsize packed_size(Packed packed, gsize n)
{
    if (packed.encoding >= PACKED_ENCODINGS || packed.nonzeros > n)
        return 0;
    gsize value = value_sizes[packed.encoding]; /* 0 for no encoding */
    return is_sparse(packed.encoding) ? bitmap_size(n) + packed.nonzeros * value : n * value;
}

/* ---- Packing ---- */

/* Encodes features, already rounded, as `sparse` if that is smaller, else as `full`. */
static GByteArray *pack(const float *features, gsize n, PackedEncoding full, PackedEncoding sparse,
                        Packed *packed)
{
    const PackingKernels *kernels = kernels_current()->packing;
    g_autofree guint64 *bitmap = g_malloc(bitmap_size(n));
    g_autofree float *values = g_new(float, n + PACKING_SLACK);
    *packed = (Packed){sparse, (guint32)kernels->compress(features, n, bitmap, values)};
    Packed whole = {full, packed->nonzeros};
    gboolean smaller = packed_size(*packed, n) < packed_size(whole, n);
    if (!smaller)
        *packed = whole;
    const float *kept = smaller ? values : features;
    gsize count = smaller ? packed->nonzeros : n, before = smaller ? bitmap_size(n) : 0;
    GByteArray *bytes = g_byte_array_sized_new((guint)packed_size(*packed, n));
    g_byte_array_append(bytes, (const guint8 *)bitmap, (guint)before);
    if (value_sizes[packed->encoding] == sizeof(float)) {
        g_byte_array_append(bytes, (const guint8 *)kept, (guint)(count * sizeof(float)));
        return bytes;
    }
    g_autofree guint16 *halves = g_new(guint16, count + 1);
    kernels->to_half(kept, count, halves);
    g_byte_array_append(bytes, (const guint8 *)halves, (guint)(count * sizeof *halves));
    return bytes;
}

GByteArray *packed_float32(const float *features, gsize n, gboolean sparse, Packed *packed)
{
    return pack(features, n, PACKED_FLOAT32, sparse ? PACKED_SPARSE32 : PACKED_FLOAT32, packed);
}

GByteArray *packed_float16(const float *features, gsize n, Packed *packed)
{
    const PackingKernels *kernels = kernels_current()->packing;
    g_autofree guint16 *halves = g_new(guint16, n);
    g_autofree float *rounded = g_new(float, n);
    kernels->to_half(features, n, halves);
    kernels->from_half(halves, n, rounded);
    return floats_finite(rounded, n) == n ? pack(rounded, n, PACKED_FLOAT16, PACKED_SPARSE16, packed) : NULL;
}

/* ---- Unpacking ---- */

/* Position in the values of a sparse vector. */
typedef struct {
    const PackingKernels *kernels;
    const guint8 *bitmap, *values;
    gsize value_size;
    gsize at, nonzeros; /* elements before, and in all */
} Sparse;

static gsize count_bits(const guint64 *words, gsize n)
{
    gsize bits = 0;
    for (gsize i = 0; i < n; i++)
        bits += (gsize)__builtin_popcountll(words[i]);
    return bits;
}

/* Counts the bits of the elements before `first`. FALSE if there are more than values. */
static gboolean skip_to(Sparse *sparse, gsize first)
{
    guint64 words[WORDS];
    for (gsize word = 0; word < first / PACKING_WORD; word += WORDS) {
        gsize some = MIN(WORDS, first / PACKING_WORD - word);
        memcpy(words, sparse->bitmap + word * sizeof *words, some * sizeof *words);
        sparse->at += count_bits(words, some);
    }
    return sparse->at <= sparse->nonzeros;
}

/* The next count <= BLOCK features, starting at a multiple of 64. The bitmap and the end of the values are copied
 * first, as the kernels read a little beyond what they use. */
static gboolean read_block(Sparse *sparse, gsize first, gsize count, float *out)
{
    guint64 words[WORDS];
    float values[BLOCK + PACKING_SLACK];
    gsize n_words = (count + PACKING_WORD - 1) / PACKING_WORD;
    memcpy(words, sparse->bitmap + first / 8, n_words * sizeof *words);
    if (count % PACKING_WORD)
        words[n_words - 1] &= ((guint64)1 << count % PACKING_WORD) - 1;
    gsize bits = count_bits(words, n_words);
    if (bits > sparse->nonzeros - sparse->at)
        return FALSE;
    const guint8 *from = sparse->values + sparse->at * sparse->value_size;
    const float *in_place = (const float *)from;
    if (sparse->value_size == sizeof(guint16)) {
        guint16 halves[BLOCK];
        memcpy(halves, from, bits * sizeof *halves);
        sparse->kernels->from_half(halves, bits, values);
        in_place = values;
    } else if ((guintptr)from % sizeof(float) || sparse->nonzeros - sparse->at < bits + PACKING_SLACK) {
        memcpy(values, from, bits * sizeof *values);
        in_place = values;
    }
    if (in_place == values)
        memset(values + bits, 0, PACKING_SLACK * sizeof *values);
    sparse->kernels->expand(words, in_place, count, out);
    sparse->at += bits;
    return TRUE;
}

/* TRUE if the bits beyond the last feature are 0, as the writer leaves them. */
static gboolean ends_clean(const guint8 *bitmap, gsize n)
{
    guint64 word;
    if (n % PACKING_WORD == 0)
        return TRUE;
    memcpy(&word, bitmap + bitmap_size(n) - sizeof word, sizeof word);
    return word >> n % PACKING_WORD == 0;
}

static gboolean read_sparse(const guint8 *bytes, Packed packed, gsize n, gsize first, gsize count, float *out)
{
    Sparse sparse = {.kernels = kernels_current()->packing,
                     .bitmap = bytes,
                     .values = bytes + bitmap_size(n),
                     .value_size = value_sizes[packed.encoding],
                     .nonzeros = packed.nonzeros};
    if (!skip_to(&sparse, first))
        return FALSE;
    for (gsize done = 0; done < count; done += BLOCK)
        if (!read_block(&sparse, first + done, MIN(BLOCK, count - done), out + done))
            return FALSE;
    return first + count < n || (sparse.at == sparse.nonzeros && ends_clean(bytes, n));
}

gboolean packed_read(const guint8 *bytes, Packed packed, gsize n, gsize first, gsize count, float *out)
{
    g_return_val_if_fail(first % PACKING_WORD == 0 && first + count <= n, FALSE);
    if (is_sparse(packed.encoding))
        return read_sparse(bytes, packed, n, first, count, out);
    const guint8 *from = bytes + first * value_sizes[packed.encoding];
    if (packed.encoding != PACKED_FLOAT16) {
        memcpy(out, from, count * sizeof *out);
        return TRUE;
    }
    const PackingKernels *kernels = kernels_current()->packing;
    guint16 halves[BLOCK];
    for (gsize done = 0; done < count; done += BLOCK) {
        gsize some = MIN(BLOCK, count - done);
        memcpy(halves, from + done * sizeof *halves, some * sizeof *halves);
        kernels->from_half(halves, some, out + done);
    }
    return TRUE;
}

const float *packed_in_place(const guint8 *bytes, Packed packed)
{
    gboolean possible = packed.encoding == PACKED_FLOAT32 && (guintptr)bytes % ALIGNMENT == 0;
    return possible ? (const float *)bytes : NULL;
}
