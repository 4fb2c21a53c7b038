/* Convolutions that learn: Winograd's ways against their definitions in double, every instruction set. */
#include "common/arithmetic/blas.h"
#include "common/arithmetic/isa.h"
#include "common/arithmetic/winograd.h"
#include "common/core/rng.h"

#include <math.h>
#include <string.h>

enum { C = 64, K = 32, TAPS = 9 };

static float *drawn(gsize n, guint64 stream)
{
    Rng rng = rng_new(7, stream);
    float *x = g_new(float, n);
    for (gsize i = 0; i < n; i++)
        x[i] = (float)rng_normal(&rng);
    return x;
}

typedef struct {
    double *y, *dkernel, *dx;
} Definition;

/* Goes through all pairs of an output pixel and a tap, and does for all three what they are defined as. */
static Definition define(const Conv2d *conv, int n, const float *x, const float *dy, const float *kernel,
                         const float *bias)
{
    int height = conv->in[0], width = conv->in[1];
    gsize pixels = (gsize)n * height * width;
    Definition d = {g_new(double, pixels *K), g_new0(double, (gsize)TAPS *C *K), g_new0(double, pixels *C)};
    for (gsize i = 0; i < pixels * K; i++)
        d.y[i] = bias[i % K];
    for (gsize p = 0; p < pixels * TAPS; p++) {
        gsize out = p / TAPS, row = out / width % height, column = out % width;
        int tap = (int)(p % TAPS), iy = (int)row + tap / 3 - 1, ix = (int)column + tap % 3 - 1;
        if (iy < 0 || iy >= height || ix < 0 || ix >= width)
            continue;
        gsize in = (out / width - row + iy) * width + ix;
        for (gsize c = 0; c < C; c++)
            for (gsize k = 0; k < K; k++) {
                gsize weight = (tap * C + c) * K + k;
                d.y[out * K + k] += (double)x[in * C + c] * kernel[weight];
                d.dkernel[weight] += (double)x[in * C + c] * dy[out * K + k];
                d.dx[in * C + c] += (double)dy[out * K + k] * kernel[weight];
            }
    }
    return d;
}

static double relative_error(const float *x, const double *expected, gsize n)
{
    double error = 0, size = 0;
    for (gsize i = 0; i < n; i++) {
        error += (x[i] - expected[i]) * (x[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    return sqrt(error / size);
}

/* y, dkernel and dx one behind the other. */
static float *run(const Conv2d *conv, int n, const float *x, const float *dy, const float *kernel,
                  const float *bias, guint threads)
{
    gsize pixels = (gsize)n * conv->in[0] * conv->in[1];
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_autoptr(Winograd) winograd = winograd_new(conv, TRUE, thread_pool);
    float *all = g_new(float, pixels *(C + K) + TAPS * C * K);
    for (int again = 0; again < 2; again++) { /* nothing may be left of the first time */
        winograd_forward(winograd, all, x, n, kernel, bias);
        winograd_gradient(winograd, all + pixels * K, x, dy, n);
        winograd_input_gradient(winograd, all + pixels * K + TAPS * C * K, dy, n, kernel);
    }
    return all;
}

static void check(int height, int width, int n)
{
    Conv2d conv = {{height, width, C}, {height, width, K}, 3, TRUE};
    gsize pixels = (gsize)n * height * width;
    g_autofree float *x = drawn(pixels * C, 1), *dy = drawn(pixels * K, 2), *kernel = drawn(TAPS * C * K, 3);
    g_autofree float *bias = drawn(K, 4);
    Definition d = define(&conv, n, x, dy, kernel, bias);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        g_autofree float *one = run(&conv, n, x, dy, kernel, bias, 1);
        g_autofree float *three = run(&conv, n, x, dy, kernel, bias, 3);
        g_assert_cmpfloat(relative_error(one, d.y, pixels * K), <, 2e-5);
        g_assert_cmpfloat(relative_error(one + pixels * K, d.dkernel, TAPS * C * K), <, 5e-6);
        g_assert_cmpfloat(relative_error(one + pixels * K + TAPS * C * K, d.dx, pixels * C), <, 2e-5);
        g_assert_cmpmem(one, (pixels * (C + K) + TAPS * C * K) * sizeof(float), three,
                        (pixels * (C + K) + TAPS * C * K) * sizeof(float));
    }
    g_free(d.y);
    g_free(d.dkernel);
    g_free(d.dx);
}

static void test_whole_tiles(void)
{
    check(8, 12, 2);
}

static void test_tiles_over_the_edges(void)
{
    check(7, 10, 3);
    check(1, 2, 1);
}

static void test_more_tiles_than_go_together(void)
{
    check(5, 18, 53); /* 2 x 5 tiles an image: 530 */
}

static void test_serves_what_it_can(void)
{
    g_assert_true(winograd_serves(&(Conv2d){{14, 14, 512}, {14, 14, 512}, 3, TRUE}));
    g_assert_false(winograd_serves(&(Conv2d){{14, 14, 512}, {12, 12, 512}, 3, FALSE}));
    g_assert_false(winograd_serves(&(Conv2d){{14, 14, 512}, {14, 14, 512}, 5, TRUE}));
    g_assert_false(winograd_serves(&(Conv2d){{128, 128, 3}, {128, 128, 32}, 3, TRUE}));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    blas_startup(1);
    g_test_add_func("/winograd/whole tiles", test_whole_tiles);
    g_test_add_func("/winograd/tiles that reach over the edges", test_tiles_over_the_edges);
    g_test_add_func("/winograd/more tiles than are transformed together", test_more_tiles_than_go_together);
    g_test_add_func("/winograd/serves 3x3 same convolutions of many channels", test_serves_what_it_can);
    return g_test_run();
}
