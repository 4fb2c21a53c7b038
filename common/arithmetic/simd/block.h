/* block: a block of products held in registers, the step that all matrix products of this room are made of. */
#pragma once
#include "common/arithmetic/simd/vector.h"

#include <glib.h>

enum { VECTORS = 2 }; /* of the right factor: few enough that they stay in registers beside the sums */

/* sum (rows, VECTORS) += column (rows, step floats apart) times row (VECTORS * WIDTH). rows is a constant where this is
 * called, so that the sums stay in registers. */
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
