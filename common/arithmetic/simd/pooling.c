/* pooling: see common/arithmetic/pooling.h. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

static void largest_of_window(const float *x, gsize line, gsize pixel, int size, int channels, float *largest)
{
    int c = 0;
    for (; c + WIDTH <= channels; c += WIDTH) {
        Vector max = load(x + c);
        for (int row = 0; row < size; row++)
            for (int column = 0; column < size; column++)
                max = larger(load(x + row * line + column * pixel + c), max);
        store(largest + c, max);
    }
    for (; c < channels; c++) {
        largest[c] = x[c];
        for (int i = 1; i < size * size; i++) {
            float value = x[i / size * line + i % size * pixel + c];
            largest[c] = value > largest[c] ? value : largest[c];
        }
    }
}

const PoolingKernels ISA_SYMBOL(pooling_kernels) = {largest_of_window};
