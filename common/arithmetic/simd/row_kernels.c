/* row_kernels: see common/arithmetic/kernels.h. The row's non-zeros are summed in order, in CHAINS partial sums,
 * the same for every instruction set. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

enum { CHAINS = 4 };

typedef double Columns __attribute__((vector_size(ROW_COLUMNS * sizeof(double)), aligned(8), may_alias));

static guint nonzeros(const float *x, gsize n, guint32 *index, float *value)
{
    guint count = 0;
    gsize j = 0;
#if defined(__AVX512F__)
    __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (; j + WIDTH <= n; j += WIDTH, places = _mm512_add_epi32(places, _mm512_set1_epi32(WIDTH))) {
        __m512 values = _mm512_loadu_ps(x + j);
        __mmask16 mask = _mm512_cmp_ps_mask(values, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        _mm512_storeu_si512(index + count, _mm512_maskz_compress_epi32(mask, places));
        _mm512_storeu_ps(value + count, _mm512_maskz_compress_ps(mask, values));
        count += (guint)__builtin_popcount(mask);
    }
#endif
    for (; j < n; j++) { /* without a branch, as the positions of zeros are unpredictable */
        index[count] = (guint32)j;
        value[count] = x[j];
        count += x[j] != 0;
    }
    return count;
}

static void dot(const double *matrix, const guint32 *index, const float *value, guint count, double *sum)
{
    Columns chains[CHAINS] = {0};
    guint t = 0;
    for (; t + CHAINS <= count; t += CHAINS)
#pragma GCC unroll 4
        for (int i = 0; i < CHAINS; i++)
            chains[i] +=
                *(const Columns *)(matrix + (gsize)index[t + i] * ROW_COLUMNS) * (double)value[t + i];
    for (; t < count; t++)
        chains[0] += *(const Columns *)(matrix + (gsize)index[t] * ROW_COLUMNS) * (double)value[t];
    *(Columns *)sum = (chains[0] + chains[1]) + (chains[2] + chains[3]);
}

static void add(double *matrix, const guint32 *index, const float *value, guint count, const double *step)
{
    Columns steps = *(const Columns *)step;
    for (guint t = 0; t < count; t++)
        *(Columns *)(matrix + (gsize)index[t] * ROW_COLUMNS) += steps * (double)value[t];
}

const RowKernels ISA_SYMBOL(row_kernels) = {nonzeros, dot, add};
