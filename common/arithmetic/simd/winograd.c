/* winograd: the transforms of F(4x4, 3x3), F(6x6, 3x3) and F(7x7, 3x3), a vector of channels at a time. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

enum { MAX_IN = WINOGRAD_MAX_OUT + 2 };

/* One dimension of a transform. */
typedef void (*Transform)(const Vector *x, Vector *y);

/* F(4x4) interpolates at 0, ±A, ±B and infinity. A and B are close to sqrt(1/2) and sqrt(2), where rounding
 * errors grow least, and their products are exact. */
#define A 0.625f
#define B 1.5f

/* y = B^T x: row j is the product of (x - q) over the other points q, applied to x as coefficients. */
ALWAYS_INLINE void input4(const Vector *x, Vector *y)
{
    const float a2 = A * A, b2 = B * B;
    Vector even_a = x[4] - b2 * x[2], odd_a = A * (x[3] - b2 * x[1]);
    Vector even_b = x[4] - a2 * x[2], odd_b = B * (x[3] - a2 * x[1]);
    y[0] = x[4] - (a2 + b2) * x[2] + a2 * b2 * x[0];
    y[1] = even_a + odd_a;
    y[2] = even_a - odd_a;
    y[3] = even_b + odd_b;
    y[4] = even_b - odd_b;
    y[5] = x[5] - (a2 + b2) * x[3] + a2 * b2 * x[1];
}

/* y = A^T x: row i holds the i-th powers of the points. */
ALWAYS_INLINE void output4(const Vector *x, Vector *y)
{
    const float a2 = A * A, b2 = B * B, a3 = A * A * A, b3 = B * B * B;
    Vector sum_a = x[1] + x[2], sum_b = x[3] + x[4];
    Vector difference_a = x[1] - x[2], difference_b = x[3] - x[4];
    y[0] = x[0] + sum_a + sum_b;
    y[1] = A * difference_a + B * difference_b;
    y[2] = a2 * sum_a + b2 * sum_b;
    y[3] = a3 * difference_a + b3 * difference_b + x[5];
}

/* F(6x6) interpolates at 0, ±1/2, ±1, ±2 and infinity; of 150 triples tried around these none had smaller
 * errors. */
ALWAYS_INLINE void input6(const Vector *x, Vector *y)
{
    Vector even_half = x[6] - 5 * x[4] + 4 * x[2], odd_half = 0.5f * (x[5] - 5 * x[3] + 4 * x[1]);
    Vector even_one = x[6] - 4.25f * x[4] + x[2], odd_one = x[5] - 4.25f * x[3] + x[1];
    Vector even_two = x[6] - 1.25f * x[4] + 0.25f * x[2], odd_two = 2 * (x[5] - 1.25f * x[3] + 0.25f * x[1]);
    y[0] = x[6] - x[0] + 5.25f * (x[2] - x[4]);
    y[1] = even_half + odd_half;
    y[2] = even_half - odd_half;
    y[3] = even_one + odd_one;
    y[4] = even_one - odd_one;
    y[5] = even_two + odd_two;
    y[6] = even_two - odd_two;
    y[7] = x[7] - x[1] + 5.25f * (x[3] - x[5]);
}

ALWAYS_INLINE void output6(const Vector *x, Vector *y)
{
    Vector sum_half = x[1] + x[2], sum_one = x[3] + x[4], sum_two = x[5] + x[6];
    Vector difference_half = x[1] - x[2], difference_one = x[3] - x[4], difference_two = x[5] - x[6];
    y[0] = x[0] + sum_half + sum_one + sum_two;
    y[1] = 0.5f * difference_half + difference_one + 2 * difference_two;
    y[2] = 0.25f * sum_half + sum_one + 4 * sum_two;
    y[3] = 0.125f * difference_half + difference_one + 8 * difference_two;
    y[4] = 0.0625f * sum_half + sum_one + 16 * sum_two;
    y[5] = 0.03125f * difference_half + difference_one + 32 * difference_two + x[7];
}

/* F(7x7) interpolates at ±1/4, ±11/16, ±9/8, ±9/4 and infinity, without 0, so that all points pair up; they
 * are close to those with the smallest errors. VGG16's sides are multiples of 7: no tile reaches over the
 * edge. */
#define P 0.25
#define Q 0.6875
#define R 1.125
#define S 2.25

/* The rows of p and -p, where a2, b2, c2 are the squares of the other points. */
ALWAYS_INLINE void input_pair7(const Vector *x, const double p, const double a2, const double b2,
                               const double c2, Vector *y)
{
    const float first = (float)(a2 + b2 + c2), second = (float)(a2 * b2 + a2 * c2 + b2 * c2);
    const float third = (float)(a2 * b2 * c2);
    Vector odd = x[7] - first * x[5] + second * x[3] - third * x[1];
    Vector even = (float)p * (x[6] - first * x[4] + second * x[2] - third * x[0]);
    y[0] = odd + even;
    y[1] = odd - even;
}

ALWAYS_INLINE void input7(const Vector *x, Vector *y)
{
    const double p = P * P, q = Q * Q, r = R * R, s = S * S;
    input_pair7(x, P, q, r, s, y);
    input_pair7(x, Q, p, r, s, y + 2);
    input_pair7(x, R, p, q, s, y + 4);
    input_pair7(x, S, p, q, r, y + 6);
    y[8] = x[8] - (float)(p + q + r + s) * x[6] +
           (float)(p * q + p * r + p * s + q * r + q * s + r * s) * x[4] -
           (float)(p * q * r + p * q * s + p * r * s + q * r * s) * x[2] + (float)(p * q * r * s) * x[0];
}

ALWAYS_INLINE void output7(const Vector *x, Vector *y)
{
    const double p = P * P, q = Q * Q, r = R * R, s = S * S;
    Vector sum_p = x[0] + x[1], sum_q = x[2] + x[3], sum_r = x[4] + x[5], sum_s = x[6] + x[7];
    Vector odd_p = (float)P * (x[0] - x[1]), odd_q = (float)Q * (x[2] - x[3]);
    Vector odd_r = (float)R * (x[4] - x[5]), odd_s = (float)S * (x[6] - x[7]);
    y[0] = sum_p + sum_q + sum_r + sum_s;
    y[1] = odd_p + odd_q + odd_r + odd_s;
    y[2] = (float)p * sum_p + (float)q * sum_q + (float)r * sum_r + (float)s * sum_s;
    y[3] = (float)p * odd_p + (float)q * odd_q + (float)r * odd_r + (float)s * odd_s;
    y[4] = (float)(p * p) * sum_p + (float)(q * q) * sum_q + (float)(r * r) * sum_r + (float)(s * s) * sum_s;
    y[5] = (float)(p * p) * odd_p + (float)(q * q) * odd_q + (float)(r * r) * odd_r + (float)(s * s) * odd_s;
    y[6] = (float)(p * p * p) * sum_p + (float)(q * q * q) * sum_q + (float)(r * r * r) * sum_r +
           (float)(s * s * s) * sum_s + x[8];
}

/* The functions below take sizes and transforms as constants: each copy of them is compiled for one tile.
 * First the rows are transformed, then the columns of what that gave. */

ALWAYS_INLINE void tile_input(const int in, Transform transform, const float *const *pixels, int channels,
                              float *v, gsize position_stride, gsize step)
{
    for (int c = 0; c < channels; c += WIDTH, v += step) {
        Vector rows[MAX_IN][MAX_IN];
        for (int y = 0; y < in; y++) {
            Vector row[MAX_IN];
#pragma GCC unroll 9
            for (int x = 0; x < in; x++)
                row[x] = load(pixels[y * in + x] + c);
            transform(row, rows[y]);
        }
        for (int x = 0; x < in; x++) {
            Vector column[MAX_IN], positions[MAX_IN];
#pragma GCC unroll 9
            for (int y = 0; y < in; y++)
                column[y] = rows[y][x];
            transform(column, positions);
#pragma GCC unroll 9
            for (int y = 0; y < in; y++)
                store(v + (gsize)(y * in + x) * position_stride, positions[y]);
        }
    }
}

ALWAYS_INLINE void inverse_rows(const int in, Transform transform, const float *m, gsize position_stride,
                                Vector rows[][WINOGRAD_MAX_OUT])
{
    for (int y = 0; y < in; y++) {
        Vector row[MAX_IN];
#pragma GCC unroll 9
        for (int x = 0; x < in; x++)
            row[x] = load(m + (gsize)(y * in + x) * position_stride);
        transform(row, rows[y]);
    }
}

ALWAYS_INLINE void inverse_column(const int in, Transform transform, Vector rows[][WINOGRAD_MAX_OUT], int x,
                                  Vector *pixels)
{
    Vector column[MAX_IN];
#pragma GCC unroll 9
    for (int y = 0; y < in; y++)
        column[y] = rows[y][x];
    transform(column, pixels);
}

ALWAYS_INLINE void tile_output(const int out, Transform transform, const float *m, gsize position_stride,
                               int channels, const float *bias, float min, float *const *pixels)
{
    for (int c = 0; c < channels; c += WIDTH) {
        Vector rows[MAX_IN][WINOGRAD_MAX_OUT], column[WINOGRAD_MAX_OUT];
        inverse_rows(out + 2, transform, m + c, position_stride, rows);
        for (int x = 0; x < out; x++) {
            inverse_column(out + 2, transform, rows, x, column);
#pragma GCC unroll 7
            for (int y = 0; y < out; y++)
                store(pixels[y * out + x] + c, larger(column[y] + load(bias + c), splat(min)));
        }
    }
}

/* Rounding keeps order, so that bias and ReLU after the pooling give what they would before it. */
ALWAYS_INLINE void tile_output_pooled(const int out, Transform transform, const float *m,
                                      gsize position_stride, int channels, const float *bias, float min,
                                      float *const *pixels)
{
    for (int c = 0; c < channels; c += WIDTH) {
        Vector rows[MAX_IN][WINOGRAD_MAX_OUT], left[WINOGRAD_MAX_OUT], right[WINOGRAD_MAX_OUT];
        inverse_rows(out + 2, transform, m + c, position_stride, rows);
        for (int x = 0; x < out / 2; x++) {
            inverse_column(out + 2, transform, rows, 2 * x, left);
            inverse_column(out + 2, transform, rows, 2 * x + 1, right);
#pragma GCC unroll 3
            for (int y = 0; y < out / 2; y++) {
                Vector max =
                    larger(larger(left[2 * y], right[2 * y]), larger(left[2 * y + 1], right[2 * y + 1]));
                store(pixels[y * (out / 2) + x] + c, larger(max + load(bias + c), splat(min)));
            }
        }
    }
}

/* Lanes of half a vector, in double. */
enum { LANES = WIDTH / 2 };
typedef double Doubles __attribute__((vector_size(LANES * sizeof(double))));
typedef float Half __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* U = G g G^T, in double: the transform's own errors would otherwise count for every image. */
ALWAYS_INLINE void tile_kernel(const int in, const double (*g)[3], const float *taps, gsize tap_stride,
                               int channels, float *u, gsize position_stride)
{
    for (int c = 0; c < channels; c += LANES) {
        Doubles columns[MAX_IN][3];
        for (int x = 0; x < 3; x++) {
            Doubles tap[3];
            for (int y = 0; y < 3; y++)
                tap[y] = __builtin_convertvector(*(const Half *)(taps + (gsize)(y * 3 + x) * tap_stride + c),
                                                 Doubles);
            for (int i = 0; i < in; i++)
                columns[i][x] = g[i][0] * tap[0] + g[i][1] * tap[1] + g[i][2] * tap[2];
        }
        for (int i = 0; i < in; i++)
            for (int j = 0; j < in; j++) {
                Doubles position =
                    g[j][0] * columns[i][0] + g[j][1] * columns[i][1] + g[j][2] * columns[i][2];
                *(Half *)(u + (gsize)(i * in + j) * position_stride + c) =
                    __builtin_convertvector(position, Half);
            }
    }
}

/* G: row j holds the powers 0, 1, 2 of point p over n, the product of its differences to the other points. */
#define POINT(p, n)                                                                                          \
    {                                                                                                        \
        1 / (double)(n), (p) / (double)(n), (p) * (p) / (double)(n)                                          \
    }
#define A2 ((double)A * A)
#define B2 ((double)B * B)
#define KERNEL_TRANSFORM4                                                                                    \
    {                                                                                                        \
        POINT(0.0, A2 *B2), POINT((double)A, 2 * A2 * (A2 - B2)), POINT(-(double)A, 2 * A2 * (A2 - B2)),     \
            POINT((double)B, 2 * B2 * (B2 - A2)), POINT(-(double)B, 2 * B2 * (B2 - A2)), {0, 0, 1},          \
    }
#define KERNEL_TRANSFORM6                                                                                    \
    {                                                                                                        \
        POINT(0.0, -1), POINT(0.5, 1.40625), POINT(-0.5, 1.40625), POINT(1.0, -4.5), POINT(-1.0, -4.5),      \
            POINT(2.0, 90), POINT(-2.0, 90), {0, 0, 1},                                                      \
    }

#define PAIR(p, others) POINT(p, 2 * p * others), POINT(-p, -2 * p * others)
#define KERNEL_TRANSFORM7                                                                                    \
    {                                                                                                        \
        PAIR(P, ((P * P - Q * Q) * (P * P - R * R) * (P * P - S * S))),                                      \
            PAIR(Q, ((Q * Q - P * P) * (Q * Q - R * R) * (Q * Q - S * S))),                                  \
            PAIR(R, ((R * R - P * P) * (R * R - Q * Q) * (R * R - S * S))),                                  \
            PAIR(S, ((S * S - P * P) * (S * S - Q * Q) * (S * S - R * R))), {0, 0, 1},                       \
    }
/* ---- Gradients, for F(4x4) alone: convolutions that learn are few and late, where its tiles fit ---- */

/* x = G^T y */
ALWAYS_INLINE void kernel_gradient4(const Vector y[6], Vector x[3])
{
    static const double transform[6][3] = KERNEL_TRANSFORM4;
    for (int tap = 0; tap < 3; tap++) {
        x[tap] = (float)transform[0][tap] * y[0];
        for (int i = 1; i < 6; i++)
            x[tap] += (float)transform[i][tap] * y[i];
    }
}

static void transform_kernel_gradient4(const float *du, gsize position_stride, int channels, float *kernel,
                                       gsize tap_stride)
{
    enum { IN = 6 };
    for (int c = 0; c < channels; c += WIDTH) {
        Vector columns[IN][3]; /* [x][tap y] */
        for (int x = 0; x < IN; x++) {
            Vector position[IN];
            for (int y = 0; y < IN; y++)
                position[y] = load(du + (gsize)(y * IN + x) * position_stride + c);
            kernel_gradient4(position, columns[x]);
        }
        for (int y = 0; y < 3; y++) {
            Vector row[IN], taps[3];
            for (int x = 0; x < IN; x++)
                row[x] = columns[x][y];
            kernel_gradient4(row, taps);
            for (int x = 0; x < 3; x++)
                store(kernel + (gsize)(y * 3 + x) * tap_stride + c, taps[x]);
        }
    }
}

/* x = A y, the transpose of output4. */
ALWAYS_INLINE void output_gradient4(const Vector y[4], Vector x[6])
{
    const float a2 = A * A, b2 = B * B, a3 = A * A * A, b3 = B * B * B;
    Vector even_a = y[0] + a2 * y[2], odd_a = A * y[1] + a3 * y[3];
    Vector even_b = y[0] + b2 * y[2], odd_b = B * y[1] + b3 * y[3];
    x[0] = y[0];
    x[1] = even_a + odd_a;
    x[2] = even_a - odd_a;
    x[3] = even_b + odd_b;
    x[4] = even_b - odd_b;
    x[5] = y[3];
}

static void transform_output_gradient4(const float *const *pixels, int channels, float *dm,
                                       gsize position_stride)
{
    enum { OUT = 4, IN = 6 };
    for (int c = 0; c < channels; c += WIDTH) {
        Vector columns[OUT][IN]; /* [x][y] */
        for (int x = 0; x < OUT; x++) {
            Vector pixel[OUT];
            for (int y = 0; y < OUT; y++)
                pixel[y] = load(pixels[y * OUT + x] + c);
            output_gradient4(pixel, columns[x]);
        }
        for (int y = 0; y < IN; y++) {
            Vector row[OUT], positions[IN];
            for (int x = 0; x < OUT; x++)
                row[x] = columns[x][y];
            output_gradient4(row, positions);
            for (int x = 0; x < IN; x++)
                store(dm + (gsize)(y * IN + x) * position_stride + c, positions[x]);
        }
    }
}

/* winogradN: the table of F(NxN) with its functions; more fields follow N. */
#define WINOGRAD(N, ...)                                                                                     \
    static void kernel_tile##N(const float *taps, gsize tap_stride, int channels, float *u,                  \
                               gsize position_stride)                                                        \
    {                                                                                                        \
        static const double g[N + 2][3] = KERNEL_TRANSFORM##N;                                               \
        tile_kernel(N + 2, g, taps, tap_stride, channels, u, position_stride);                               \
    }                                                                                                        \
    static void input_tile##N(const float *const *pixels, int channels, float *v, gsize position_stride,     \
                              gsize step)                                                                    \
    {                                                                                                        \
        tile_input(N + 2, input##N, pixels, channels, v, position_stride, step);                             \
    }                                                                                                        \
    static void output_tile##N(const float *m, gsize position_stride, int channels, const float *bias,       \
                               float min, float *const *pixels)                                              \
    {                                                                                                        \
        tile_output(N, output##N, m, position_stride, channels, bias, min, pixels);                          \
    }                                                                                                        \
    static void output_pooled_tile##N(const float *m, gsize position_stride, int channels,                   \
                                      const float *bias, float min, float *const *pixels)                    \
    {                                                                                                        \
        tile_output_pooled(N, output##N, m, position_stride, channels, bias, min, pixels);                   \
    }                                                                                                        \
    const WinogradKernels ISA_SYMBOL(winograd##N) = {.out = N,                                               \
                                                     .in = N + 2,                                            \
                                                     .kernel = kernel_tile##N,                               \
                                                     .input = input_tile##N,                                 \
                                                     .output = output_tile##N,                               \
                                                     .output_pooled = output_pooled_tile##N,                 \
                                                     __VA_ARGS__};

WINOGRAD(4, .output_gradient = transform_output_gradient4, .kernel_gradient = transform_kernel_gradient4)
WINOGRAD(6)
WINOGRAD(7)
