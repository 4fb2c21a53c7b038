/* block: a block of sums held in registers, the inner step of all matrix products in this folder. */
#pragma once
#include "common/arithmetic/simd/vector.h"

#include <glib.h>

enum { VECTORS = 2 }; /* of the right factor: few enough to stay in registers beside the sums */

/* sum (rows, VECTORS) += column (rows, step floats apart) times row (VECTORS * WIDTH). Callers pass a constant for
 * rows, so that the sums stay in registers. */
ALWAYS_INLINE void accumulate(const int rows, Vector sum[][VECTORS], const float *column, gsize step,
                              const float *row)
{
    Vector right[VECTORS];
#pragma GCC unroll 2
    for (int j = 0; j < VECTORS; j++)
        right[j] = load(row + j * WIDTH);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < VECTORS; j++)
            sum[i][j] += column[i * step] * right[j];
}
