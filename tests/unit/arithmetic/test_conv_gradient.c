/* Convolutions and their gradients, by every method, against their definitions in double, for every instruction set. */
#include "common/arithmetic/conv.h"
#include "tests/unit/fixture.h"

typedef struct {
    double *y, *dbias, *dkernel, *dx;
} Definition;

/* Computes output and both gradients by their definitions, over all pairs of an output pixel and a tap. dy counts
 * only where y > 0 after ReLU. */
static Definition define(const ConvShape *conv, int n, const float *x, const float *given,
                         const float *kernel, const float *bias)
{
    int height = conv_output_side(conv->height, conv), width = conv_output_side(conv->width, conv);
    int taps = conv->size * conv->size, pad = conv->pad;
    gsize pixels = (gsize)n * height * width, C = conv->inputs, K = conv->outputs;
    Definition d = {g_new(double, pixels *K), g_new0(double, K), g_new0(double, taps *C *K),
                    g_new0(double, n *conv_inputs(conv))};
    for (gsize i = 0; i < pixels * K; i++)
        d.y[i] = bias[i % K];
    g_autofree double *dy = g_new(double, pixels *K);
    for (int backwards = 0; backwards < 2; backwards++) {
        for (gsize p = 0; p < pixels * taps; p++) {
            gsize out = p / taps;
            int tap = (int)(p % taps), iy = (int)(out / width % height) + tap / conv->size - pad,
                ix = (int)(out % width) + tap % conv->size - pad;
            if (iy < 0 || iy >= conv->height || ix < 0 || ix >= conv->width)
                continue;
            gsize in = (out / width / height * conv->height + iy) * conv->width + ix;
            for (gsize c = 0; c < C; c++)
                for (gsize k = 0; k < K; k++) {
                    gsize weight = (tap * C + c) * K + k;
                    if (!backwards) {
                        d.y[out * K + k] += (double)x[in * C + c] * kernel[weight];
                        continue;
                    }
                    d.dkernel[weight] += x[in * C + c] * dy[out * K + k];
                    d.dx[in * C + c] += dy[out * K + k] * kernel[weight];
                }
        }
        for (gsize i = 0; i < pixels * K && !backwards; i++) {
            dy[i] = conv->relu && d.y[i] <= 0 ? 0 : given[i];
            d.y[i] = conv->relu ? MAX(d.y[i], 0) : d.y[i];
            d.dbias[i % K] += dy[i];
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

/* Floats of y, dbias, dkernel and dx, which run() writes one after another. */
typedef struct {
    gsize y, dbias, dkernel, dx;
} Sizes;

static Sizes sizes_of(const ConvShape *conv, int n)
{
    return (Sizes){n * conv_outputs(conv), conv->outputs, conv_weights(conv), n * conv_inputs(conv)};
}

/* given: x, dy, kernel, bias. */
static float *run(const ConvShape *conv, ConvUse use, int n, const float *const given[4], guint threads)
{
    const float *x = given[0], *kernel = given[2], *bias = given[3];
    Sizes sizes = sizes_of(conv, n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_auto(Arena) arena = {0};
    g_autoptr(ConvPlan) layer = make_plan(&arena, conv, use, thread_pool);
    float *all = g_new0(float, sizes.y + sizes.dbias + sizes.dkernel + sizes.dx), *dbias = all + sizes.y,
          *dkernel = dbias + sizes.dbias, *dx = dkernel + sizes.dkernel;
    for (int again = 0; again < 2; again++) { /* the first run must not affect the second */
        g_autofree float *dy = g_memdup2(given[1], sizes.y * sizeof(float));
        conv_plan_set_weights(layer, kernel, bias);
        conv_plan_run(layer, x, n, all);
        conv_plan_bias_gradient(layer, dbias, dy, all, n);
        conv_plan_kernel_gradient(layer, dkernel, x, dy, n);
        if (use == CONV_BOTH_GRADIENTS)
            conv_plan_input_gradient(layer, dx, dy, n);
    }
    return all;
}

static void check_relative(const char *what, const float *x, const double *expected, gsize n, double bound)
{
    double error = relative_error(x, expected, n);
    g_test_message("relative L2 error of %s: %.1e", what, error);
    g_assert_cmpfloat(error, <, bound);
}

static void check_set(const ConvShape *conv, ConvUse use, int n, const float *const given[4],
                      const Definition *d)
{
    Sizes sizes = sizes_of(conv, n);
    g_autofree float *one = run(conv, use, n, given, 1);
    g_autofree float *three = run(conv, use, n, given, 3);
    const float *dbias = one + sizes.y, *dkernel = dbias + sizes.dbias, *dx = dkernel + sizes.dkernel;
    gsize bytes = (gsize)(dx + sizes.dx - one) * sizeof(float);
    check_relative("y", one, d->y, sizes.y, 2e-5);
    check_relative("dbias", dbias, d->dbias, sizes.dbias, 1e-6);
    check_relative("dkernel", dkernel, d->dkernel, sizes.dkernel, 1e-5);
    if (use == CONV_BOTH_GRADIENTS)
        check_relative("dx", dx, d->dx, sizes.dx, 2e-5);
    g_assert_cmpmem(one, bytes, three, bytes);
}

/* n images of height x width x inputs; every instruction set. */
static void check_layer(int size, gboolean same, int n, int height, int width, int inputs, int outputs,
                        gboolean relu, ConvUse use)
{
    ConvShape conv = {.height = height,
                      .width = width,
                      .inputs = inputs,
                      .outputs = outputs,
                      .relu = relu,
                      .size = size,
                      .pad = same ? size / 2 : 0};
    Sizes sizes = sizes_of(&conv, n);
    g_autofree float *x = random_array(sizes.dx, 1, 1, -INFINITY),
                     *dy = random_array(sizes.y, 2, 1, -INFINITY),
                     *kernel = random_array(sizes.dkernel, 3, 1, -INFINITY);
    g_autofree float *bias = random_array(sizes.dbias, 4, 1, -INFINITY);
    Definition d = define(&conv, n, x, dy, kernel, bias);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        g_test_message("%dx%dx%dx%d, %dx%d to %d, %s", n, height, width, inputs, size, size, outputs,
                       isa_name((IsaSet)isa));
        check_set(&conv, use, n, (const float *const[]){x, dy, kernel, bias}, &d);
    }
    g_free(d.y);
    g_free(d.dbias);
    g_free(d.dkernel);
    g_free(d.dx);
}

static void check(int size, gboolean same, int height, int width, int n)
{
    check_layer(size, same, n, height, width, 64, 32, FALSE, CONV_BOTH_GRADIENTS);
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

static void test_few_input_channels(void)
{
    check_layer(3, TRUE, 20, 9, 33, 3, 32, FALSE, CONV_KERNEL_GRADIENT);
    check_layer(3, TRUE, 1, 1, 1, 1, 64, FALSE, CONV_KERNEL_GRADIENT);
    check_layer(3, FALSE, 2, 7, 8, 16, 32, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(5, FALSE, 3, 16, 9, 3, 64, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(7, TRUE, 2, 6, 5, 3, 32, FALSE, CONV_KERNEL_GRADIENT);
    check_layer(1, TRUE, 2, 4, 5, 5, 32, FALSE, CONV_BOTH_GRADIENTS);
}

static void test_any_other_shape(void)
{
    check_layer(3, TRUE, 2, 6, 5, 48, 40, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(5, FALSE, 1, 7, 9, 3, 20, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(7, FALSE, 2, 8, 7, 64, 32, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(1, TRUE, 3, 4, 4, 64, 32, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(3, TRUE, 1, 9, 8, 32, 48, FALSE, CONV_BOTH_GRADIENTS);
    check_layer(3, FALSE, 1, 9, 8, 48, 32, FALSE, CONV_BOTH_GRADIENTS);
}

static void test_relu(void)
{
    check_layer(1, TRUE, 2, 5, 4, 1, 32, TRUE, CONV_BOTH_GRADIENTS);
    check_layer(3, TRUE, 1, 4, 4, 3, 32, TRUE, CONV_KERNEL_GRADIENT);
    check_layer(5, FALSE, 1, 6, 5, 32, 32, TRUE, CONV_BOTH_GRADIENTS);
    check_layer(3, TRUE, 1, 3, 5, 2, 5, TRUE, CONV_BOTH_GRADIENTS);
}

static void test_nan_stays_nan(void)
{
    static const int inputs[] = {3, 32, 40};
    for (gsize i = 0; i < G_N_ELEMENTS(inputs); i++) {
        ConvShape conv = {
            .height = 6, .width = 6, .inputs = inputs[i], .outputs = 32, .relu = TRUE, .size = 3};
        gsize count = 6 * 6 * (gsize)inputs[i], weights = 9 * 32 * (gsize)inputs[i];
        g_autofree float *x = random_array(count, 1, 1, -INFINITY),
                         *kernel = random_array(weights, 2, 1, -INFINITY),
                         *bias = random_array(32, 3, 1, -INFINITY);
        x[count / 2] = NAN; /* at row 3, column 0, which row 2, column 0 of the output depends on */
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            if (!isa_available((IsaSet)isa))
                continue;
            isa_force((IsaSet)isa);
            g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
            g_auto(Arena) arena = {0};
            float y[4 * 4 * 32];
            g_autoptr(ConvPlan) layer = make_plan(&arena, &conv, CONV_FORWARD, thread_pool);
            conv_plan_set_weights(layer, kernel, bias);
            conv_plan_run(layer, x, 1, y);
            g_assert_true(isnan(y[2 * 4 * 32]));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conv_gradient/whole tiles", test_whole_tiles);
    g_test_add_func("/conv_gradient/tiles that reach over the edges", test_tiles_over_the_edges);
    g_test_add_func("/conv_gradient/more tiles than are transformed together",
                    test_more_tiles_than_go_together);
    g_test_add_func("/conv_gradient/few input channels", test_few_input_channels);
    g_test_add_func("/conv_gradient/any other shape", test_any_other_shape);
    g_test_add_func("/conv_gradient/ReLU", test_relu);
    g_test_add_func("/conv_gradient/NaN stays NaN after ReLU", test_nan_stays_nan);
    return g_test_run();
}
