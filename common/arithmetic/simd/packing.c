/* packing: see common/arithmetic/kernels.h. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

#include <string.h>

/* ---- One element: used for the rest that does not fill a vector, and by the baseline for all ---- */

static guint32 bits_of(float x)
{
    guint32 bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(guint32 bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The exponent's bias changes by 127 - 15 = 112. Below 2^-14 the half is a multiple of 2^-24, which is the last place
 * of a float in [0.5, 1), so that adding 0.5 rounds to it. */
static guint16 half_of(float x)
{
    guint32 sign = bits_of(x) >> 16 & 0x8000, bits = bits_of(x) & 0x7fffffff;
    if (bits >= 0x47800000) /* 2^16, infinite or NaN */
        return (guint16)(sign | (bits > 0x7f800000 ? 0x7e00 : 0x7c00));
    if (bits < 0x38800000) /* 2^-14 */
        return (guint16)(sign | (bits_of(float_of(bits) + 0.5f) - bits_of(0.5f)));
    bits += 0xfff + (bits >> 13 & 1); /* rounds to nearest, ties to even */
    return (guint16)(sign | (bits - (112u << 23)) >> 13);
}

/* Multiplying by 2^112 corrects the exponent's bias, also for denormals. */
static float float_of_half(guint16 half)
{
    guint32 sign = (guint32)(half & 0x8000) << 16, rest = (guint32)(half & 0x7fff) << 13;
    guint32 bits = rest >= 0x0f800000 ? rest | 0x7f800000 : bits_of(float_of(rest) * 0x1p112f);
    return float_of(sign | bits);
}

/* Whether an element, which is copied, counts: the next one overwrites a zero. */
static guint32 compress_one(const float *in, float *packed)
{
    *packed = *in;
    return bits_of(*in) != 0;
}

static void expand_one(guint32 nonzero, const float *packed, float *out)
{
    *out = float_of(bits_of(*packed) & -nonzero);
}

/* ---- A vector ---- */

#if defined(__AVX512F__)
enum { LANES = 16 };

ALWAYS_INLINE guint32 compress_lanes(const float *in, float *packed)
{
    __m512i x = _mm512_loadu_si512(in);
    __mmask16 nonzero = _mm512_test_epi32_mask(x, x);
    _mm512_storeu_si512(packed, _mm512_maskz_compress_epi32(nonzero, x));
    return nonzero;
}

ALWAYS_INLINE void expand_lanes(guint32 nonzero, const float *packed, float *out)
{
    _mm512_storeu_ps(out, _mm512_maskz_expand_ps((__mmask16)nonzero, _mm512_loadu_ps(packed)));
}

ALWAYS_INLINE void lanes_to_half(const float *in, guint16 *out)
{
    _mm256_storeu_si256((__m256i *)out, _mm512_cvtps_ph(_mm512_loadu_ps(in), _MM_FROUND_TO_NEAREST_INT));
}

ALWAYS_INLINE void lanes_from_half(const guint16 *in, float *out)
{
    _mm512_storeu_ps(out, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)in)));
}

#elif defined(__AVX2__)
enum { LANES = 8 };

#define ROW4(f, i)  f(i), f(i + 1), f(i + 2), f(i + 3)
#define ROW16(f, i) ROW4(f, i), ROW4(f, i + 4), ROW4(f, i + 8), ROW4(f, i + 12)
#define ROW64(f, i) ROW16(f, i), ROW16(f, i + 16), ROW16(f, i + 32), ROW16(f, i + 48)
#define ROWS256(f)  ROW64(f, 0), ROW64(f, 64), ROW64(f, 128), ROW64(f, 192)
#define BIT(m, i)   (((m) >> (i)) & 1)
#define BELOW(m, i) (unsigned)__builtin_popcount((m) & ((1u << (i)) - 1)) /* bits set below bit i */
#define AT(m, i)    (BIT(m, i) ? (guint64)(i) << 8 * BELOW(m, i) : 0)
#define FROM(m, i)  ((guint64)BELOW(m, i) << 8 * (i))
#define COMPRESS(m) (AT(m, 0) | AT(m, 1) | AT(m, 2) | AT(m, 3) | AT(m, 4) | AT(m, 5) | AT(m, 6) | AT(m, 7))
#define EXPAND(m)                                                                                            \
    (FROM(m, 0) | FROM(m, 1) | FROM(m, 2) | FROM(m, 3) | FROM(m, 4) | FROM(m, 5) | FROM(m, 6) | FROM(m, 7))

/* For each mask of 8 lanes, the source lane of each lane, one byte per lane. */
static const guint64 compress_table[256] = {ROWS256(COMPRESS)}, expand_table[256] = {ROWS256(EXPAND)};

ALWAYS_INLINE __m256i lanes_of(const guint64 *row)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)row));
}

ALWAYS_INLINE guint32 compress_lanes(const float *in, float *packed)
{
    __m256 x = _mm256_loadu_ps(in);
    __m256i zero = _mm256_cmpeq_epi32(_mm256_castps_si256(x), _mm256_setzero_si256());
    guint32 nonzero = ~(guint32)_mm256_movemask_ps(_mm256_castsi256_ps(zero)) & 0xff;
    _mm256_storeu_ps(packed, _mm256_permutevar8x32_ps(x, lanes_of(&compress_table[nonzero])));
    return nonzero;
}

ALWAYS_INLINE void expand_lanes(guint32 nonzero, const float *packed, float *out)
{
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256 x = _mm256_permutevar8x32_ps(_mm256_loadu_ps(packed), lanes_of(&expand_table[nonzero]));
    __m256i taken = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)nonzero), lane), lane);
    _mm256_storeu_ps(out, _mm256_and_ps(x, _mm256_castsi256_ps(taken)));
}

ALWAYS_INLINE void lanes_to_half(const float *in, guint16 *out)
{
    _mm_storeu_si128((__m128i *)out, _mm256_cvtps_ph(_mm256_loadu_ps(in), _MM_FROUND_TO_NEAREST_INT));
}

ALWAYS_INLINE void lanes_from_half(const guint16 *in, float *out)
{
    _mm256_storeu_ps(out, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)in)));
}

#else
enum { LANES = 1 };

#define compress_lanes             compress_one
#define expand_lanes               expand_one
#define lanes_to_half(in, out)     (*(out) = half_of(*(in)))
#define lanes_from_half(half, out) (*(out) = float_of_half(*(half)))
#endif

/* ---- Whole arrays ---- */

static gsize compress(const float *in, gsize n, guint64 *bitmap, float *packed)
{
    gsize count = 0, i = 0;
    guint64 nonzero;
    memset(bitmap, 0, (n + PACKING_WORD - 1) / PACKING_WORD * sizeof *bitmap);
    for (; i + LANES <= n; i += LANES) {
        nonzero = compress_lanes(in + i, packed + count);
        bitmap[i / PACKING_WORD] |= nonzero << i % PACKING_WORD;
        count += (gsize)__builtin_popcountll(nonzero);
    }
    for (; i < n; i++, count += nonzero) {
        nonzero = compress_one(in + i, packed + count);
        bitmap[i / PACKING_WORD] |= nonzero << i % PACKING_WORD;
    }
    return count;
}

static void expand(const guint64 *bitmap, const float *packed, gsize n, float *out)
{
    gsize i = 0;
    for (; i + PACKING_WORD <= n; i += PACKING_WORD) {
        guint64 word = bitmap[i / PACKING_WORD];
        for (int j = 0; j < PACKING_WORD; j += LANES) {
            guint32 nonzero = (guint32)(word >> j & ((1ull << LANES) - 1));
            expand_lanes(nonzero, packed, out + i + j);
            packed += __builtin_popcount(nonzero);
        }
    }
    for (guint32 nonzero; i < n; i++, packed += nonzero) {
        nonzero = bitmap[i / PACKING_WORD] >> i % PACKING_WORD & 1;
        expand_one(nonzero, packed, out + i);
    }
}

static void to_half(const float *in, gsize n, guint16 *out)
{
    gsize i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_to_half(in + i, out + i);
    for (; i < n; i++)
        out[i] = half_of(in[i]);
}

static void from_half(const guint16 *in, gsize n, float *out)
{
    gsize i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_from_half(in + i, out + i);
    for (; i < n; i++)
        out[i] = float_of_half(in[i]);
}

const PackingKernels ISA_SYMBOL(packing_kernels) = {compress, expand, to_half, from_half};
