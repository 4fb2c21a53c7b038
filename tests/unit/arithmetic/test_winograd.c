/* Convolutions that learn: Winograd's ways against their definitions in double, every instruction set. */
#include "common/arithmetic/blas.h"
#include "common/arithmetic/isa.h"
#include "common/arithmetic/winograd.h"
#include "common/core/rng.h"

#include <math.h>
#include <string.h>

enum { C = 64, K = 32 };

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

static gsize pixels_of(const int shape[3])
{
    return (gsize)shape[0] * shape[1];
}

/* Goes through all pairs of an output pixel and a tap, and does for all three what they are defined as. */
static Definition define(const Conv2d *conv, int n, const float *x, const float *dy, const float *kernel,
                         const float *bias)
{
    int height = conv->out[0], width = conv->out[1], taps = conv->size * conv->size;
    int pad = conv->same ? conv->size / 2 : 0;
    gsize pixels = n * pixels_of(conv->out);
    Definition d = {g_new(double, pixels *K), g_new0(double, (gsize)taps *C *K),
                    g_new0(double, n *pixels_of(conv->in) * C)};
    for (gsize i = 0; i < pixels * K; i++)
        d.y[i] = bias[i % K];
    for (gsize p = 0; p < pixels * taps; p++) {
        gsize out = p / taps;
        int tap = (int)(p % taps), iy = (int)(out / width % height) + tap / conv->size - pad,
            ix = (int)(out % width) + tap % conv->size - pad;
        if (iy < 0 || iy >= conv->in[0] || ix < 0 || ix >= conv->in[1])
            continue;
        gsize in = (out / width / height * conv->in[0] + iy) * conv->in[1] + ix;
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

/* Floats of y, dkernel and dx, which run() leaves one behind the other. */
typedef struct {
    gsize y, dkernel, dx;
} Sizes;

static Sizes sizes_of(const Conv2d *conv, int n)
{
    return (Sizes){n * pixels_of(conv->out) * K, (gsize)conv->size * conv->size * C * K,
                   n * pixels_of(conv->in) * C};
}

static float *run(const Conv2d *conv, int n, const float *x, const float *dy, const float *kernel,
                  const float *bias, guint threads)
{
    Sizes sizes = sizes_of(conv, n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_autoptr(Winograd) winograd = winograd_new(conv, TRUE, thread_pool);
    float *all = g_new(float, sizes.y + sizes.dkernel + sizes.dx);
    for (int again = 0; again < 2; again++) { /* nothing may be left of the first time */
        winograd_forward(winograd, all, x, n, kernel, bias);
        winograd_gradient(winograd, all + sizes.y, x, dy, n);
        winograd_input_gradient(winograd, all + sizes.y + sizes.dkernel, dy, n, kernel);
    }
    return all;
}

static void check(int size, gboolean same, int height, int width, int n)
{
    int lost = same ? 0 : size - 1;
    Conv2d conv = {{height, width, C}, {height - lost, width - lost, K}, size, same};
    Sizes sizes = sizes_of(&conv, n);
    g_autofree float *x = drawn(sizes.dx, 1), *dy = drawn(sizes.y, 2), *kernel = drawn(sizes.dkernel, 3);
    g_autofree float *bias = drawn(K, 4);
    Definition d = define(&conv, n, x, dy, kernel, bias);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        g_autofree float *one = run(&conv, n, x, dy, kernel, bias, 1);
        g_autofree float *three = run(&conv, n, x, dy, kernel, bias, 3);
        double y = relative_error(one, d.y, sizes.y),
               dkernel = relative_error(one + sizes.y, d.dkernel, sizes.dkernel),
               dx = relative_error(one + sizes.y + sizes.dkernel, d.dx, sizes.dx);
        g_test_message("%dx%dx%d, %dx%d, %s: relative L2 errors: y %.1e, dkernel %.1e, dx %.1e", n, height,
                       width, size, size, isa_name((IsaSet)isa), y, dkernel, dx);
        g_assert_cmpfloat(y, <, 2e-5);
        g_assert_cmpfloat(dkernel, <, 1e-5);
        g_assert_cmpfloat(dx, <, 2e-5);
        g_assert_cmpmem(one, (sizes.y + sizes.dkernel + sizes.dx) * sizeof(float), three,
                        (sizes.y + sizes.dkernel + sizes.dx) * sizeof(float));
    }
    g_free(d.y);
    g_free(d.dkernel);
    g_free(d.dx);
}

static void test_whole_tiles(void)
{
    check(3, TRUE, 8, 12, 2);
    check(3, FALSE, 8, 14, 1);
    check(5, TRUE, 10, 5, 2);
    check(5, FALSE, 14, 8, 1);
}

static void test_tiles_over_the_edges(void)
{
    check(3, TRUE, 7, 10, 3);
    check(3, TRUE, 1, 2, 1);
    check(3, FALSE, 3, 16, 2);
    check(3, FALSE, 9, 31, 1);
    check(5, TRUE, 1, 2, 2);
    check(5, TRUE, 13, 9, 1);
    check(5, FALSE, 5, 6, 1);
    check(5, FALSE, 12, 23, 1);
}

static void test_more_tiles_than_go_together(void)
{
    check(3, TRUE, 4, 16, 130);  /* 520 of F(4x4) */
    check(5, FALSE, 8, 24, 103); /* 515 of F(4x4) */
}

static void test_serves_what_it_can(void)
{
    g_assert_true(winograd_serves(&(Conv2d){{14, 14, 512}, {14, 14, 512}, 3, TRUE}));
    g_assert_true(winograd_serves(&(Conv2d){{14, 14, 512}, {12, 12, 512}, 3, FALSE}));
    g_assert_true(winograd_serves(&(Conv2d){{14, 14, 512}, {14, 14, 512}, 5, TRUE}));
    g_assert_false(winograd_serves(&(Conv2d){{14, 14, 512}, {14, 14, 512}, 7, TRUE}));
    g_assert_false(winograd_serves(&(Conv2d){{128, 128, 3}, {128, 128, 32}, 3, TRUE}));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    blas_startup(1);
    g_test_add_func("/winograd/whole tiles", test_whole_tiles);
    g_test_add_func("/winograd/tiles that reach over the edges", test_tiles_over_the_edges);
    g_test_add_func("/winograd/more tiles than are transformed together", test_more_tiles_than_go_together);
    g_test_add_func("/winograd/serves 3x3 and 5x5 convolutions of many channels", test_serves_what_it_can);
    return g_test_run();
}
