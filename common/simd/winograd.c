/* winograd: the transforms of F(4x4, 3x3), a vector of channels at a time. */
#include "common/simd/conv_kernels.h"
#include "common/simd/vector.h"

/* F(4x4) interpolates at 0, ±A, ±B and infinity. A and B are close to sqrt(1/2) and sqrt(2), where rounding
 * errors grow least, and their squares and cubes are exact. */
#define A 0.625f
#define B 1.5f

/* y = B^T x: row j is the product of (x - q) over the other points q, applied to x as coefficients. */
ALWAYS_INLINE void input4(const Vector x[6], Vector y[6])
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
ALWAYS_INLINE void output4(const Vector x[6], Vector y[4])
{
    const float a2 = A * A, b2 = B * B, a3 = A * A * A, b3 = B * B * B;
    Vector sum_a = x[1] + x[2], sum_b = x[3] + x[4];
    Vector difference_a = x[1] - x[2], difference_b = x[3] - x[4];
    y[0] = x[0] + sum_a + sum_b;
    y[1] = A * difference_a + B * difference_b;
    y[2] = a2 * sum_a + b2 * sum_b;
    y[3] = a3 * difference_a + b3 * difference_b + x[5];
}

static void transform_input4(const float *const *pixels, int channels, float *v, gsize position_stride,
                             gsize step)
{
    enum { IN = 6 };
    for (int c = 0; c < channels; c += WIDTH, v += step) {
        Vector columns[IN][IN]; /* [x][y] */
        for (int x = 0; x < IN; x++) {
            Vector pixel[IN];
            for (int y = 0; y < IN; y++)
                pixel[y] = load(pixels[y * IN + x] + c);
            input4(pixel, columns[x]);
        }
        for (int y = 0; y < IN; y++) {
            Vector row[IN], positions[IN];
            for (int x = 0; x < IN; x++)
                row[x] = columns[x][y];
            input4(row, positions);
            for (int x = 0; x < IN; x++)
                store(v + (gsize)(y * IN + x) * position_stride, positions[x]);
        }
    }
}

ALWAYS_INLINE void inverse4(const float *m, gsize position_stride, Vector bias, Vector least,
                            Vector out[4][4])
{
    enum { OUT = 4, IN = 6 };
    Vector columns[IN][OUT]; /* [x][y] */
    for (int x = 0; x < IN; x++) {
        Vector position[IN];
        for (int y = 0; y < IN; y++)
            position[y] = load(m + (gsize)(y * IN + x) * position_stride);
        output4(position, columns[x]);
    }
    for (int y = 0; y < OUT; y++) {
        Vector row[IN];
        for (int x = 0; x < IN; x++)
            row[x] = columns[x][y];
        output4(row, out[y]);
        for (int x = 0; x < OUT; x++)
            out[y][x] = larger(out[y][x] + bias, least);
    }
}

static void transform_output4(const float *m, gsize position_stride, int channels, const float *bias,
                              float least, float *const *pixels)
{
    enum { OUT = 4 };
    for (int c = 0; c < channels; c += WIDTH) {
        Vector out[OUT][OUT];
        inverse4(m + c, position_stride, load(bias + c), splat(least), out);
        for (int y = 0; y < OUT; y++)
            for (int x = 0; x < OUT; x++)
                store(pixels[y * OUT + x] + c, out[y][x]);
    }
}

static void transform_output_pooled4(const float *m, gsize position_stride, int channels, const float *bias,
                                     float least, float *const *pixels)
{
    enum { OUT = 4 };
    for (int c = 0; c < channels; c += WIDTH) {
        Vector out[OUT][OUT];
        inverse4(m + c, position_stride, load(bias + c), splat(least), out);
        for (int y = 0; y < OUT; y += 2)
            for (int x = 0; x < OUT; x += 2)
                store(pixels[y / 2 * (OUT / 2) + x / 2] + c,
                      larger(larger(out[y][x], out[y][x + 1]), larger(out[y + 1][x], out[y + 1][x + 1])));
    }
}

/* G: row j holds the powers 0, 1, 2 of point j over the product of its differences to the others. */
#define POINT(p, n)                                                                                          \
    {                                                                                                        \
        1 / (double)(n), (p) / (double)(n), (p) * (p) / (double)(n)                                          \
    }
#define KERNEL_TRANSFORM                                                                                     \
    {                                                                                                        \
        POINT(0.0, (double)A *A *B *B), POINT((double)A, 2.0 * A * A * (A * A - B * B)),                     \
            POINT(-(double)A, 2.0 * A * A * (A * A - B * B)),                                                \
            POINT((double)B, 2.0 * B * B * (B * B - A * A)),                                                 \
            POINT(-(double)B, 2.0 * B * B * (B * B - A * A)), {0, 0, 1},                                     \
    }

/* x = G^T y */
ALWAYS_INLINE void kernel_gradient4(const Vector y[6], Vector x[3])
{
    static const double transform[6][3] = KERNEL_TRANSFORM;
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

const WinogradKernels ISA_SYMBOL(winograd4) = {
    .out = 4,
    .in = 6,
    .kernel_transform = KERNEL_TRANSFORM,
    .input = transform_input4,
    .output = transform_output4,
    .output_pooled = transform_output_pooled4,
    .output_gradient = transform_output_gradient4,
    .kernel_gradient = transform_kernel_gradient4,
};
