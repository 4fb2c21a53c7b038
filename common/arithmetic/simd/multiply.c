/* multiply: the micro-kernels of convolution: ROWS x VECTORS accumulators in registers; each element of the left
 * factor is broadcast and multiplied by vectors of the right one. */
#include "common/arithmetic/simd/block.h"
#include "common/arithmetic/simd/tables.h"

/* As many accumulators as possible, leaving registers for the right factor and a broadcast, of 32 (AVX-512, NEON) or
 * 16. SSE2 also needs one for each product; a third row, with part of the right factor in memory, was no faster.
 *
 * The unrolled loops need a constant number of rows, so there is a copy for each number: up to ROWS, or to WIDTH. */
#if defined(__AVX512F__)
enum { ROWS = 14 };
#define EACH_ROWS(f) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14)
#define EACH_LANE(f) EACH_ROWS(f) f(15) f(16)
#elif defined(__AVX2__)
enum { ROWS = 6 };
#define EACH_ROWS(f) f(1) f(2) f(3) f(4) f(5) f(6)
#define EACH_LANE(f) EACH_ROWS(f) f(7) f(8)
#else
#define EACH_LANE(f) f(1) f(2) f(3) f(4)
#if defined(__aarch64__)
enum { ROWS = 12 };
#define EACH_ROWS(f) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12)
#elif defined(SSE2)
enum { ROWS = 2 };
#define EACH_ROWS(f) f(1) f(2)
#else
enum { ROWS = 5 };
#define EACH_ROWS(f) f(1) f(2) f(3) f(4) f(5)
#endif
#endif
#define CASE(n)                                                                                              \
    case n:                                                                                                  \
        CALL(n);                                                                                             \
        break;

enum {
    PANEL = VECTORS * WIDTH,
    LINE = 64 / sizeof(float),        /* floats in a cache line */
    LATER_STEP = WIDTH == 16 ? 1 : 4, /* wide panels are used up faster */
/* Channels per prefetch of the next block. */
#ifdef SSE2
    NEXT_STEP = WIDTH, /* two rows of them are half a cache line */
#else
    NEXT_STEP = 1,
#endif
};

ALWAYS_INLINE void multiply_rows(const int rows, const float *v, const float *next, const float *u,
                                 const float *later, int channels, float *m, gsize stride, gboolean add)
{
    Vector sum[ROWS][VECTORS] = {0};
    for (int c = 0; c < channels; c += WIDTH, v += rows * WIDTH, next += rows * WIDTH) {
        for (int line = 0; WIDTH < 16 && line < WIDTH / LATER_STEP; line++, later += LINE)
            __builtin_prefetch(later, 0, 2);
#ifdef SSE2
#pragma GCC unroll 4
#endif
        for (int k = 0; k < WIDTH; k++, u += PANEL) {
            if (k % NEXT_STEP == 0)
                __builtin_prefetch(next + k * rows);
            if (LATER_STEP == 1) {
                __builtin_prefetch(later, 0, 2);
                later += LINE;
            }
            accumulate_column(rows, sum, v, k, u);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) {
            float *to = m + i * stride + j * WIDTH;
            store(to, add ? load(to) + sum[i][j] : sum[i][j]);
        }
}

/* total += sum; sum = 0 */
ALWAYS_INLINE void add_up(const int rows, Vector total[][VECTORS], Vector sum[][VECTORS])
{
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++) {
            total[i][j] += sum[i][j];
            sum[i][j] = (Vector){0};
        }
}

ALWAYS_INLINE void direct_rows(const int rows, const float *x, gsize row_stride, int taps, int channels,
                               const float *u, const float *bias, float min, float *y, gsize y_stride)
{
    for (int i = rows; i < 2 * rows; i++) /* prefetch the next output pixels */
        for (int j = 0; j < VECTORS; j++)
            __builtin_prefetch(y + i * y_stride + j * WIDTH, 1);
    Vector sum[ROWS][VECTORS] = {0}, total[ROWS][VECTORS] = {0};
    for (int ky = 0, run = 0; ky < taps; ky++, x += row_stride)
        for (int k = 0, end; k < taps * channels; k = end) {
            end = MIN(k + CONV_RUN - run, taps * channels);
            run += end - k;
            for (int i = k; i < end; i++, u += PANEL)
                accumulate(rows, sum, x + i, (gsize)channels, u);
            if (run == CONV_RUN) {
                add_up(rows, total, sum);
                run = 0;
            }
        }
    add_up(rows, total, sum);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < VECTORS; j++)
            store(y + i * y_stride + j * WIDTH, larger(splat(min), total[i][j] + load(bias + j * WIDTH)));
}

ALWAYS_INLINE void correlate_rows(const int rows, const float *v, gsize v_step, const float *dm,
                                  gsize dm_step, int count, float *du, gsize stride, gboolean add)
{
    Vector sum[WIDTH] = {0};
    for (int t = 0; t < count; t++, v += v_step, dm += dm_step) {
        Vector right = load(dm);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            sum[i] += v[i] * right;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        store(du + i * stride, add ? load(du + i * stride) + sum[i] : sum[i]);
}

static void multiply(const float *v, const float *next, const float *u, const float *later, int channels,
                     int rows, float *m, gsize stride, gboolean add)
{
#define CALL(n) multiply_rows(n, v, next, u, later, channels, m, stride, add)
    switch (rows) {
        EACH_ROWS(CASE)
    }
#undef CALL
}

static void direct(const float *x, gsize row_stride, int taps, int channels, const float *u,
                   const float *bias, float min, int rows, float *y, gsize y_stride)
{
#define CALL(n) direct_rows(n, x, row_stride, taps, channels, u, bias, min, y, y_stride)
    switch (rows) {
        EACH_ROWS(CASE)
    }
#undef CALL
}

static void correlate(const float *v, gsize v_step, const float *dm, gsize dm_step, int count, int rows,
                      float *du, gsize stride, gboolean add)
{
#define CALL(n) correlate_rows(n, v, v_step, dm, dm_step, count, du, stride, add)
    switch (rows) {
        EACH_LANE(CASE)
    }
#undef CALL
}

const ConvKernels ISA_SYMBOL(conv_kernels) = {
    .width = WIDTH,
    .rows = ROWS,
    .panel = PANEL,
    .later_step = LATER_STEP,
    .multiply = multiply,
    .direct = direct,
    .correlate = correlate,
    .winograd = ISA_SYMBOL(winograd),
};
