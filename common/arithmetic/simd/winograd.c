/* winograd: the transforms of F(4x4), F(6x6) and F(7x7) for 3x3 kernels and of F(2x2), F(4x4) and F(5x5) for 5x5
 * kernels, a vector of channels at a time. The interpolation points depend only on the side of the input tile. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

enum { MAX_IN = 9, MAX_PAIRS = 4, MAX_TAPS = 5 };

/* One dimension of a transform. */
typedef void (*Transform)(const Vector *x, Vector *y);

/* F(4x4) interpolates at 0, ±A, ±B and infinity. A and B are close to sqrt(1/2) and sqrt(2), where rounding errors are
 * smallest, and their products are exact. */
#define A 0.625f
#define B 1.5f

/* y = B^T x: row j of B^T has the coefficients of the product of (X - q) over the other points q. */
ALWAYS_INLINE void input6(const Vector *x, Vector *y)
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

/* F(6x6) interpolates at 0, ±1/2, ±1, ±2 and infinity; of 150 triples tried around these, none had smaller errors. */
ALWAYS_INLINE void input8(const Vector *x, Vector *y)
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

/* F(7x7) interpolates at ±1/4, ±11/16, ±9/8, ±9/4 and infinity, without 0, so that all finite points form pairs;
 * these are close to the points with the smallest errors. VGG16's sides are multiples of 7, so no tile extends beyond
 * the edge. */
#define P 0.25
#define Q 0.6875
#define R 1.125
#define S 2.25

/* The rows of B^T for p and -p; a2, b2, c2: the squares of the other points. */
ALWAYS_INLINE void input_pair9(const Vector *x, const double p, const double a2, const double b2,
                               const double c2, Vector *y)
{
    const float first = (float)(a2 + b2 + c2), second = (float)(a2 * b2 + a2 * c2 + b2 * c2);
    const float third = (float)(a2 * b2 * c2);
    Vector odd = x[7] - first * x[5] + second * x[3] - third * x[1];
    Vector even = (float)p * (x[6] - first * x[4] + second * x[2] - third * x[0]);
    y[0] = odd + even;
    y[1] = odd - even;
}

ALWAYS_INLINE void input9(const Vector *x, Vector *y)
{
    const double p = P * P, q = Q * Q, r = R * R, s = S * S;
    input_pair9(x, P, q, r, s, y);
    input_pair9(x, Q, p, r, s, y + 2);
    input_pair9(x, R, p, q, s, y + 4);
    input_pair9(x, S, p, q, r, y + 6);
    y[8] = x[8] - (float)(p + q + r + s) * x[6] +
           (float)(p * q + p * r + p * s + q * r + q * s + r * s) * x[4] -
           (float)(p * q * r + p * q * s + p * r * s + q * r * s) * x[2] + (float)(p * q * r * s) * x[0];
}

/* The interpolation points for tiles with `in` pixels along a side: 0 if in is even, then pairs of p and -p, then
 * infinity. */
typedef struct {
    int in;
    double pair[MAX_PAIRS];
} Points;

static const Points points6 = {6, {A, B}}, points8 = {8, {0.5, 1, 2}}, points9 = {9, {P, Q, R, S}};

ALWAYS_INLINE float power(double p, int exponent)
{
    double product = 1;
#pragma GCC unroll 6
    for (int i = 0; i < exponent; i++)
        product *= p;
    return (float)product;
}

/* y = A^T x: row i has the i-th powers of the points, so that those of a pair differ at most in sign. */
ALWAYS_INLINE void output_transform(const Points *points, const int out, const Vector *x, Vector *y)
{
    const int first = points->in % 2 == 0, pairs = (points->in - 1) / 2;
    Vector both[2][MAX_PAIRS]; /* sums, differences */
#pragma GCC unroll 4
    for (int j = 0; j < pairs; j++) {
        both[0][j] = x[first + 2 * j] + x[first + 2 * j + 1];
        both[1][j] = x[first + 2 * j] - x[first + 2 * j + 1];
    }
#pragma GCC unroll 7
    for (int i = 0; i < out; i++) {
        Vector sum = power(points->pair[0], i) * both[i % 2][0];
        if (i == 0 && first)
            sum = x[0] + both[0][0];
#pragma GCC unroll 4
        for (int j = 1; j < pairs; j++)
            sum += power(points->pair[j], i) * both[i % 2][j];
        y[i] = i == out - 1 ? sum + x[points->in - 1] : sum;
    }
}

/* x = A y, the transpose. */
ALWAYS_INLINE void output_gradient(const Points *points, const int out, const Vector *y, Vector *x)
{
    const int first = points->in % 2 == 0, pairs = (points->in - 1) / 2;
    if (first)
        x[0] = y[0];
#pragma GCC unroll 4
    for (int j = 0; j < pairs; j++) {
        Vector both[2] = {y[0], power(points->pair[j], 1) * y[1]}; /* even powers, odd powers */
#pragma GCC unroll 7
        for (int i = 2; i < out; i++)
            both[i % 2] += power(points->pair[j], i) * y[i];
        x[first + 2 * j] = both[0] + both[1];
        x[first + 2 * j + 1] = both[0] - both[1];
    }
    x[points->in - 1] = y[out - 1];
}

/* The functions below are called with constant sizes and transforms, so that each copy is compiled for one tile. The
 * rows are transformed first, then the columns of the result. */

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

ALWAYS_INLINE void inverse_rows(const Points *points, const int out, const float *m, gsize position_stride,
                                Vector rows[][WINOGRAD_MAX_OUT])
{
    const int in = points->in;
    for (int y = 0; y < in; y++) {
        Vector row[MAX_IN];
#pragma GCC unroll 9
        for (int x = 0; x < in; x++)
            row[x] = load(m + (gsize)(y * in + x) * position_stride);
        output_transform(points, out, row, rows[y]);
    }
}

ALWAYS_INLINE void inverse_column(const Points *points, const int out, Vector rows[][WINOGRAD_MAX_OUT], int x,
                                  Vector *pixels)
{
    Vector column[MAX_IN];
#pragma GCC unroll 9
    for (int y = 0; y < points->in; y++)
        column[y] = rows[y][x];
    output_transform(points, out, column, pixels);
}

ALWAYS_INLINE void tile_output(const Points *points, const int out, const float *m, gsize position_stride,
                               int channels, const float *bias, float min, float *const *pixels)
{
    for (int c = 0; c < channels; c += WIDTH) {
        Vector rows[MAX_IN][WINOGRAD_MAX_OUT], column[WINOGRAD_MAX_OUT];
        inverse_rows(points, out, m + c, position_stride, rows);
        for (int x = 0; x < out; x++) {
            inverse_column(points, out, rows, x, column);
#pragma GCC unroll 7
            for (int y = 0; y < out; y++)
                store(pixels[y * out + x] + c, larger(splat(min), column[y] + load(bias + c)));
        }
    }
}

/* Rounding is monotonic, so that bias and ReLU give the same after the pooling as before it. */
ALWAYS_INLINE void tile_output_pooled(const Points *points, const int out, const float *m,
                                      gsize position_stride, int channels, const float *bias, float min,
                                      float *const *pixels)
{
    for (int c = 0; c < channels; c += WIDTH) {
        Vector rows[MAX_IN][WINOGRAD_MAX_OUT], left[WINOGRAD_MAX_OUT], right[WINOGRAD_MAX_OUT];
        inverse_rows(points, out, m + c, position_stride, rows);
        for (int x = 0; x < out / 2; x++) {
            inverse_column(points, out, rows, 2 * x, left);
            inverse_column(points, out, rows, 2 * x + 1, right);
#pragma GCC unroll 3
            for (int y = 0; y < out / 2; y++) {
                Vector max =
                    larger(larger(left[2 * y], right[2 * y]), larger(left[2 * y + 1], right[2 * y + 1]));
                store(pixels[y * (out / 2) + x] + c, larger(splat(min), max + load(bias + c)));
            }
        }
    }
}

/* Lanes of half a vector, in double. */
enum { LANES = WIDTH / 2 };
typedef double Doubles __attribute__((vector_size(LANES * sizeof(double))));
typedef float Half __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* G without its last row, that of the point at infinity. */
typedef double Interpolation[MAX_IN - 1][MAX_TAPS];

/* U = G g G^T, in double, as the errors of this transform affect every image. */
ALWAYS_INLINE void kernel_transform(const int in, const int taps, const Interpolation g, const Doubles *x,
                                    Doubles *y)
{
    for (int i = 0; i < in - 1; i++) {
        y[i] = g[i][0] * x[0];
#pragma GCC unroll 5
        for (int t = 1; t < taps; t++)
            y[i] += g[i][t] * x[t];
    }
    y[in - 1] = x[taps - 1];
}

ALWAYS_INLINE void tile_kernel(const int in, const int taps, const Interpolation g, const float *kernel,
                               gsize tap_stride, int channels, float *u, gsize position_stride)
{
    for (int c = 0; c < channels; c += LANES) {
        Doubles rows[MAX_IN][MAX_TAPS];
        for (int x = 0; x < taps; x++) {
            Doubles tap[MAX_TAPS], column[MAX_IN];
            for (int y = 0; y < taps; y++)
                tap[y] = __builtin_convertvector(
                    *(const Half *)(kernel + (gsize)(y * taps + x) * tap_stride + c), Doubles);
            kernel_transform(in, taps, g, tap, column);
            for (int i = 0; i < in; i++)
                rows[i][x] = column[i];
        }
        for (int i = 0; i < in; i++) {
            Doubles positions[MAX_IN];
            kernel_transform(in, taps, g, rows[i], positions);
            for (int j = 0; j < in; j++)
                *(Half *)(u + (gsize)(i * in + j) * position_stride + c) =
                    __builtin_convertvector(positions[j], Half);
        }
    }
}

/* G: row j has the powers p^0, p^1, … of point p, divided by n, the product of its differences to the other points. */
/* clang-format off */
#define POINT(p, n) \
    {1 / (double)(n), (p) / (double)(n), (p) * (p) / (double)(n), (p) * (p) * (p) / (double)(n), \
     (p) * (p) * (p) * (p) / (double)(n)}
/* clang-format on */
#define PAIR(p, others) POINT(p, 2 * p * others), POINT(-p, -2 * p * others)
#define A2              ((double)A * A)
#define B2              ((double)B * B)

static const Interpolation interpolation6 = {
    POINT(0.0, A2 *B2), POINT((double)A, 2 * A2 * (A2 - B2)), POINT(-(double)A, 2 * A2 * (A2 - B2)),
    POINT((double)B, 2 * B2 * (B2 - A2)), POINT(-(double)B, 2 * B2 * (B2 - A2))};
static const Interpolation interpolation8 = {POINT(0.0, -1),   POINT(0.5, 1.40625), POINT(-0.5, 1.40625),
                                             POINT(1.0, -4.5), POINT(-1.0, -4.5),   POINT(2.0, 90),
                                             POINT(-2.0, 90)};
static const Interpolation interpolation9 = {PAIR(P, ((P * P - Q * Q) * (P * P - R * R) * (P * P - S * S))),
                                             PAIR(Q, ((Q * Q - P * P) * (Q * Q - R * R) * (Q * Q - S * S))),
                                             PAIR(R, ((R * R - P * P) * (R * R - Q * Q) * (R * R - S * S))),
                                             PAIR(S, ((S * S - P * P) * (S * S - Q * Q) * (S * S - R * R)))};

/* ---- Gradients ---- */

/* x = G^T y */
ALWAYS_INLINE void kernel_gradient(const int in, const int taps, const Interpolation g, const Vector *y,
                                   Vector *x)
{
#pragma GCC unroll 5
    for (int tap = 0; tap < taps; tap++) {
        x[tap] = (float)g[0][tap] * y[0];
        for (int i = 1; i < in - 1; i++)
            x[tap] += (float)g[i][tap] * y[i];
    }
    x[taps - 1] += y[in - 1];
}

ALWAYS_INLINE void tile_kernel_gradient(const int in, const int taps, const Interpolation g, const float *du,
                                        gsize position_stride, int channels, float *kernel, gsize tap_stride)
{
    for (int c = 0; c < channels; c += WIDTH) {
        Vector rows[MAX_TAPS][MAX_IN];
        for (int x = 0; x < in; x++) {
            Vector position[MAX_IN], column[MAX_TAPS];
            for (int y = 0; y < in; y++)
                position[y] = load(du + (gsize)(y * in + x) * position_stride + c);
            kernel_gradient(in, taps, g, position, column);
            for (int y = 0; y < taps; y++)
                rows[y][x] = column[y];
        }
        for (int y = 0; y < taps; y++) {
            Vector tap[MAX_TAPS];
            kernel_gradient(in, taps, g, rows[y], tap);
            for (int x = 0; x < taps; x++)
                store(kernel + (gsize)(y * taps + x) * tap_stride + c, tap[x]);
        }
    }
}

ALWAYS_INLINE void tile_output_gradient(const Points *points, const int out, const float *const *pixels,
                                        int channels, float *dm, gsize position_stride, gsize step)
{
    const int in = points->in;
    for (int c = 0; c < channels; c += WIDTH, dm += step) {
        Vector rows[MAX_IN][WINOGRAD_MAX_OUT];
        for (int x = 0; x < out; x++) {
            Vector pixel[WINOGRAD_MAX_OUT], column[MAX_IN];
#pragma GCC unroll 7
            for (int y = 0; y < out; y++)
                pixel[y] = load(pixels[y * out + x] + c);
            output_gradient(points, out, pixel, column);
#pragma GCC unroll 9
            for (int y = 0; y < in; y++)
                rows[y][x] = column[y];
        }
        for (int y = 0; y < in; y++) {
            Vector positions[MAX_IN];
            output_gradient(points, out, rows[y], positions);
#pragma GCC unroll 9
            for (int x = 0; x < in; x++)
                store(dm + (gsize)(y * in + x) * position_stride, positions[x]);
        }
    }
}

/* The functions of F(OUT x OUT, TAPS x TAPS), named …_tile<OUT>_<TAPS>. */
#define FUNCTIONS(OUT, TAPS, IN)                                                                             \
    static void kernel_tile##OUT##_##TAPS(const float *taps, gsize tap_stride, int channels, float *u,       \
                                          gsize position_stride)                                             \
    {                                                                                                        \
        tile_kernel(IN, TAPS, interpolation##IN, taps, tap_stride, channels, u, position_stride);            \
    }                                                                                                        \
    static void input_tile##OUT##_##TAPS(const float *const *pixels, int channels, float *v,                 \
                                         gsize position_stride, gsize step)                                  \
    {                                                                                                        \
        tile_input(IN, input##IN, pixels, channels, v, position_stride, step);                               \
    }                                                                                                        \
    static void output_tile##OUT##_##TAPS(const float *m, gsize position_stride, int channels,               \
                                          const float *bias, float min, float *const *pixels)                \
    {                                                                                                        \
        tile_output(&points##IN, OUT, m, position_stride, channels, bias, min, pixels);                      \
    }                                                                                                        \
    static void output_pooled_tile##OUT##_##TAPS(const float *m, gsize position_stride, int channels,        \
                                                 const float *bias, float min, float *const *pixels)         \
    {                                                                                                        \
        tile_output_pooled(&points##IN, OUT, m, position_stride, channels, bias, min, pixels);               \
    }                                                                                                        \
    static void output_gradient_tile##OUT##_##TAPS(const float *const *pixels, int channels, float *dm,      \
                                                   gsize position_stride, gsize step)                        \
    {                                                                                                        \
        tile_output_gradient(&points##IN, OUT, pixels, channels, dm, position_stride, step);                 \
    }                                                                                                        \
    static void kernel_gradient_tile##OUT##_##TAPS(const float *du, gsize position_stride, int channels,     \
                                                   float *kernel, gsize tap_stride)                          \
    {                                                                                                        \
        tile_kernel_gradient(IN, TAPS, interpolation##IN, du, position_stride, channels, kernel,             \
                             tap_stride);                                                                    \
    }

FUNCTIONS(4, 3, 6)
FUNCTIONS(6, 3, 8)
FUNCTIONS(7, 3, 9)
FUNCTIONS(2, 5, 6)
FUNCTIONS(4, 5, 8)
FUNCTIONS(5, 5, 9)

/* clang-format off */
#define TILE(OUT, TAPS, IN) \
    {OUT, TAPS, IN, kernel_tile##OUT##_##TAPS, input_tile##OUT##_##TAPS, output_tile##OUT##_##TAPS, \
     output_pooled_tile##OUT##_##TAPS, output_gradient_tile##OUT##_##TAPS, kernel_gradient_tile##OUT##_##TAPS}
/* clang-format on */

const WinogradKernels ISA_SYMBOL(winograd)[WINOGRAD_TILES] = {
    TILE(4, 3, 6), TILE(6, 3, 8), TILE(7, 3, 9), TILE(2, 5, 6), TILE(4, 5, 8), TILE(5, 5, 9),
};
