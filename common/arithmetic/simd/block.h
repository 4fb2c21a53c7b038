/* block: a block of sums held in registers, the inner step of all matrix products in this folder. */
#pragma once
#include "common/arithmetic/simd/vector.h"

#include <glib.h>

#if defined(__x86_64__) && !defined(__AVX2__)
#define SSE2 1
#endif

/* Vectors of the right factor: few enough to stay in registers beside the sums. */
enum {
#ifdef SSE2
    VECTORS = 4, /* SSE2 cannot broadcast from memory: more vectors share each shuffle */
#else
    VECTORS = 2,
#endif
};

/* Forces a sum to be in a register at this point. Otherwise gcc delays the sums of unrolled steps, loads everything that
 * is to be added first, and spills the sums. */
#ifdef SSE2
#define SETTLE(sum) __asm__ volatile("" : "+x"(sum))
#else
#define SETTLE(sum) (void)0
#endif

/* sum (rows, VECTORS) += column (rows, step floats apart) times row (VECTORS * WIDTH). Callers pass a constant for
 * rows, so that the sums stay in registers. */
ALWAYS_INLINE void accumulate(const int rows, Vector sum[][VECTORS], const float *column, gsize step,
                              const float *row)
{
    Vector right[VECTORS];
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++)
        right[j] = load(row + j * WIDTH);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) {
            sum[i][j] += column[i * step] * right[j];
            SETTLE(sum[i][j]);
        }
}

#ifdef SSE2
/* Element i of an aligned vector in memory, in all lanes: one instruction, where loading and broadcasting a single float
 * takes two. The barrier makes gcc load the vector again for each element, so that it occupies no register in between. */
ALWAYS_INLINE Vector lane(const float *vector, int i)
{
    __asm__ volatile("" : : : "memory");
    const __m128i *from = (const __m128i *)vector;
    switch (i) {
    case 0:
        return (Vector)_mm_shuffle_epi32(*from, 0x00);
    case 1:
        return (Vector)_mm_shuffle_epi32(*from, 0x55);
    case 2:
        return (Vector)_mm_shuffle_epi32(*from, 0xaa);
    default:
        return (Vector)_mm_shuffle_epi32(*from, 0xff);
    }
}
#endif

/* The same for column k of an aligned block (rows, WIDTH). For SSE2 callers pass a constant for k, too. */
ALWAYS_INLINE void accumulate_column(const int rows, Vector sum[][VECTORS], const float *block, int k,
                                     const float *row)
{
#ifdef SSE2
    Vector right[VECTORS];
#pragma GCC unroll 4
    for (int j = 0; j < VECTORS; j++)
        right[j] = load(row + j * WIDTH);
#pragma GCC unroll 2
    for (int i = 0; i < rows; i++) {
        Vector left = lane(block + i * WIDTH, k);
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) {
            sum[i][j] += left * right[j];
            SETTLE(sum[i][j]);
        }
    }
#else
    accumulate(rows, sum, block + k, WIDTH, row);
#endif
}
