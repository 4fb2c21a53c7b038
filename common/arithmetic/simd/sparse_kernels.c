/* sparse_kernels: see common/arithmetic/kernels.h. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

enum { VECTORS = STRIP / WIDTH }; /* of a strip */

/* Bit i is set if lane i is not zero. */
ALWAYS_INLINE guint64 nonzero_lanes(const float *x)
{
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_setzero_ps(), _CMP_NEQ_UQ);
#elif defined(__AVX2__)
    return (guint64)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x), _mm256_setzero_ps(), _CMP_NEQ_UQ));
#elif defined(__SSE2__)
    return (guint64)_mm_movemask_ps(_mm_cmpneq_ps(_mm_loadu_ps(x), _mm_setzero_ps()));
#else
    guint64 lanes = 0;
    for (int i = 0; i < WIDTH; i++)
        lanes |= (guint64)(x[i] != 0) << i;
    return lanes;
#endif
}

static gsize along(const float *x, int n, guint64 *bitmap)
{
    gsize all = 0;
    for (int word = 0; word * SPARSE_WORD < n; word++) {
        const float *from = x + word * SPARSE_WORD;
        int count = MIN(SPARSE_WORD, n - word * SPARSE_WORD), i = 0;
        guint64 bits = 0;
        for (; i + WIDTH <= count; i += WIDTH)
            bits |= nonzero_lanes(from + i) << i;
        for (; i < count; i++)
            bits |= (guint64)(from[i] != 0) << i;
        bitmap[word] = bits;
        all += (gsize)__builtin_popcountll(bits);
    }
    return all;
}

static gsize across(const float *x, gsize ld, int depth, int n, guint32 *bitmaps)
{
    typedef guint32 Bits __attribute__((vector_size(WIDTH * sizeof(guint32)), aligned(4), may_alias));
    gsize all = 0;
    int i = 0;
    for (; i + WIDTH <= n; i += WIDTH) {
        Bits bits = {0};
        for (int p = 0; p < depth; p++)
            bits |= (Bits)(load(x + (gsize)p * ld + i) != (Vector){0}) & 1u << p;
        *(Bits *)(bitmaps + i) = bits;
    }
    for (; i < n; i++) {
        bitmaps[i] = 0;
        for (int p = 0; p < depth; p++)
            bitmaps[i] |= (guint32)(x[(gsize)p * ld + i] != 0) << p;
    }
    for (i = 0; i < n; i++)
        all += (gsize)__builtin_popcount(bitmaps[i]);
    return all;
}

/* Callers pass a constant for strips, so that the sums stay in registers. */
ALWAYS_INLINE void multiply_strips(int strips, const guint64 *bitmap, int depth, const float *a, gsize column,
                                   const float *b, gsize b_strip, float *c, gsize c_strip,
                                   gboolean accumulate)
{
    Vector sum[SPARSE_STRIPS][VECTORS];
#pragma GCC unroll 2
    for (int s = 0; s < strips; s++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++)
            sum[s][v] = accumulate ? load(c + s * c_strip + v * WIDTH) : (Vector){0};
    for (int first = 0; first < depth; first += SPARSE_WORD)
        for (guint64 left = *bitmap++; left; left &= left - 1) {
            gsize p = (gsize)first + (gsize)__builtin_ctzll(left);
            const float *row = b + p * STRIP;
            float x = a[p * column];
#pragma GCC unroll 2
            for (int s = 0; s < strips; s++)
#pragma GCC unroll 8
                for (int v = 0; v < VECTORS; v++)
                    sum[s][v] += x * load(row + s * b_strip + v * WIDTH);
        }
#pragma GCC unroll 2
    for (int s = 0; s < strips; s++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++)
            store(c + s * c_strip + v * WIDTH, sum[s][v]);
}

/* Two strips at once if the registers can hold their sums: enough independent sums to hide the latency of additions. */
static void multiply(const guint64 *bitmap, int depth, const float *a, gsize column, int strips,
                     const float *b, gsize b_strip, float *c, gsize c_strip, gboolean accumulate)
{
    if (strips == 2 && VECTORS <= 4) {
        multiply_strips(2, bitmap, depth, a, column, b, b_strip, c, c_strip, accumulate);
        return;
    }
    for (int s = 0; s < strips; s++)
        multiply_strips(1, bitmap, depth, a, column, b + s * b_strip, b_strip, c + s * c_strip, c_strip,
                        accumulate);
}

const SparseKernels ISA_SYMBOL(sparse_kernels) = {along, across, multiply};
