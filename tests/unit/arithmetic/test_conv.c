/* Convolution against a plain one in double: every layer shape, odd sizes, every tile, every instruction set. */
#include "common/arithmetic/caches.h"
#include "common/arithmetic/conv_reference.h"
#include "common/arithmetic/pooling.h"
#include "common/vgg16/vgg16.h"
#include "tests/unit/fixture.h"

static gsize out_floats(const ConvShape *s)
{
    int shrink = s->pool ? 2 : 1;
    return (gsize)(conv_output_side(s->height, s) / shrink) * (conv_output_side(s->width, s) / shrink) *
           s->outputs;
}

static float *run_threads(const ConvShape *shape, const float *kernel, const float *bias, const float *in,
                          int n, guint threads)
{
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_auto(Arena) arena = {0};
    g_autoptr(ConvPlan) plan = make_plan(&arena, shape, CONV_FORWARD, thread_pool);
    float *out = g_new(float, n *out_floats(shape));
    conv_plan_set_weights(plan, kernel, bias);
    conv_plan_run(plan, in, n, out);
    return out;
}

/* The definition, in double, before pooling: (H', W', K). */
static double *reference(const ConvShape *s, const float *kernel, const float *bias, const float *in)
{
    int height = conv_output_side(s->height, s), width = conv_output_side(s->width, s);
    double *out = g_new(double, (gsize)height *width * s->outputs), *to = out;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, to += s->outputs) {
            for (int k = 0; k < s->outputs; k++)
                to[k] = bias ? bias[k] : 0;
            for (int tap = 0; tap < s->size * s->size; tap++) {
                int iy = y + tap / s->size - s->pad, ix = x + tap % s->size - s->pad;
                if (iy < 0 || iy >= s->height || ix < 0 || ix >= s->width)
                    continue;
                for (int c = 0; c < s->inputs; c++) {
                    double pixel = in[((gsize)iy * s->width + ix) * s->inputs + c];
                    const float *row = kernel + ((gsize)tap * s->inputs + c) * s->outputs;
                    for (int k = 0; k < s->outputs; k++)
                        to[k] += pixel * row[k];
                }
            }
            for (int k = 0; k < s->outputs; k++)
                to[k] = s->relu ? MAX(to[k], 0) : to[k];
        }
    return out;
}

/* Every instruction set against one reference; in is the second of two images. */
static void check_shape(ConvShape shape)
{
    gsize pixels = (gsize)shape.height * shape.width, floats = pixels * shape.inputs;
    int taps = shape.size * shape.size * shape.inputs;
    g_autofree float *in = random_array(2 * floats, 1, 1, 0), *bias = random_array(shape.outputs, 3, 0.1, -1);
    g_autofree float *kernel = random_array((gsize)taps * shape.outputs, 2, sqrt(2.0 / taps), -9);
    g_autofree double *expected = reference(&shape, kernel, bias, in + floats);
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        g_autofree float *out = run_threads(&shape, kernel, bias, in, 2, 2);
        double error = 0, size = 0;
        for (gsize i = 0; i < out_floats(&shape); i++) {
            double difference = out[out_floats(&shape) + i] - expected[i];
            error += difference * difference;
            size += expected[i] * expected[i];
        }
        g_test_message("%dx%d, %dx%d, pad %d, %d -> %d, %s, %s: relative L2 error %.2e", shape.height,
                       shape.width, shape.size, shape.size, shape.pad, shape.inputs, shape.outputs,
                       conv_tile_name(conv_tile(&shape, CONV_LARGEST_TILE)), isa_name((IsaSet)isa),
                       sqrt(error / size));
        g_assert_cmpfloat(sqrt(error / size), <, 2e-5);
    }
}

static void test_every_layer_shape(void)
{
    static const int sizes[][2] = {{3, 8}, {6, 11}, {9, 14}}; /* F(4x4), F(6x6), F(7x7) */
    for (int i = 0; i < VGG16_LAYERS; i++) {
        const Vgg16Layer *l = &vgg16_layers[i];
        if (l->conv >= 0 && (i == 0 || l->inputs != l[-1].inputs || l->outputs != l[-1].outputs))
            for (gsize size = 0; size < G_N_ELEMENTS(sizes); size++)
                check_shape((ConvShape){sizes[size][0], sizes[size][1], l->inputs, l->outputs, TRUE, FALSE, 3,
                                        1, 0, FALSE, FALSE});
    }
}

static void test_odd_sizes(void)
{
    static const int sizes[][2] = {{1, 1}, {1, 7}, {2, 3}, {5, 4}, {13, 6}, {31, 29}, {4, 50}, {57, 1}};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        check_shape((ConvShape){sizes[i][0], sizes[i][1], 3, 32, FALSE, FALSE, 3, 1, 0, FALSE, FALSE});
        check_shape((ConvShape){sizes[i][0], sizes[i][1], 32, 64, FALSE, FALSE, 3, 1, 0, FALSE, FALSE});
        check_shape((ConvShape){sizes[i][0], sizes[i][1], 256, 96, TRUE, FALSE, 3, 1, 0, FALSE, FALSE});
    }
}

/* Every size of kernel with every padding, on sides that make the tiles F(2x2) to F(7x7). */
static void test_every_padding(void)
{
    static const int sides[][2] = {{5, 6}, {8, 9}, {14, 10}, {7, 23}};
    for (int size = 3; size <= 5; size += 2)
        for (int pad = 0; pad < size; pad += size / 2)
            for (gsize i = 0; i < G_N_ELEMENTS(sides); i++) {
                check_shape(
                    (ConvShape){sides[i][0], sides[i][1], 3, 32, FALSE, FALSE, size, pad, 0, FALSE, FALSE});
                check_shape(
                    (ConvShape){sides[i][0], sides[i][1], 512, 64, FALSE, FALSE, size, pad, 0, FALSE, FALSE});
                check_shape(
                    (ConvShape){sides[i][0], sides[i][1], 64, 32, TRUE, FALSE, size, pad, 0, FALSE, FALSE});
            }
}

static void test_pooling_keeps_the_largest_of_four(void)
{
    static const int sizes[][2] = {{8, 8}, {9, 7}, {2, 2}, {14, 13}};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        ConvShape whole = {sizes[i][0], sizes[i][1], 64, 32, TRUE, FALSE, 3, 1, 0, FALSE, FALSE},
                  pooled = whole;
        pooled.pool = TRUE;
        g_autofree float *in = random_array((gsize)whole.height * whole.width * whole.inputs, 1, 1, -9);
        g_autofree float *kernel = random_array((gsize)9 * whole.inputs * whole.outputs, 2, 0.1, -9);
        g_autofree float *full = run_threads(&whole, kernel, NULL, in, 1, 1);
        g_autofree float *along = run_threads(&pooled, kernel, NULL, in, 1, 1);
        g_autofree float *afterwards = g_new(float, out_floats(&pooled));
        g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
        max_pooling(thread_pool, afterwards, NULL, full, 1, (int[]){whole.height, whole.width, whole.outputs},
                    2);
        int row = whole.width * whole.outputs, k = whole.outputs;
        gsize at = 0;
        for (int y = 0; y + 1 < whole.height; y += 2)
            for (int x = 0; x + 1 < whole.width; x += 2)
                for (int c = 0; c < k; c++, at++) {
                    const float *p = full + y * row + x * k + c;
                    float max = MAX(MAX(p[0], p[k]), MAX(p[row], p[row + k]));
                    g_assert_cmpfloat(afterwards[at], ==, max);
                    g_assert_cmpfloat_with_epsilon(along[at], max, 1e-3); /* maybe by another tile */
                }
        g_assert_cmpuint(at, ==, out_floats(&pooled));
    }
}

static void test_results_do_not_depend_on_company(void)
{
    static const ConvShape shapes[] = {{22, 18, 3, 64, TRUE, FALSE, 3, 1, 0, FALSE, FALSE},
                                       {30, 46, 64, 64, TRUE, TRUE, 3, 1, 0, FALSE, FALSE},
                                       {15, 14, 256, 256, TRUE, FALSE, 3, 1, 0, FALSE, FALSE},
                                       {14, 14, 64, 32, TRUE, FALSE, 5, 0, 0, FALSE, FALSE},
                                       {11, 10, 256, 96, FALSE, FALSE, 5, 4, 0, FALSE, FALSE},
                                       {20, 13, 3, 32, FALSE, FALSE, 5, 0, 0, FALSE, FALSE}};
    enum { N = 6 };
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        const ConvShape *s = &shapes[i];
        gsize image = (gsize)s->height * s->width * s->inputs, size = out_floats(s) * sizeof(float);
        g_autofree float *in = random_array(N * image, 1, 1, 0), *bias = random_array(s->outputs, 3, 0.1, -1);
        g_autofree float *kernel =
            random_array((gsize)s->size * s->size * s->inputs * s->outputs, 2, 0.1, -9);
        g_autofree float *together = run_threads(s, kernel, bias, in, N, 3);
        for (int n = 0; n < N; n++) {
            g_autofree float *alone = run_threads(s, kernel, bias, in + n * image, 1, 1);
            g_assert_cmpmem(alone, size, (char *)together + n * size, size);
        }
    }
}

/* Nor on how the work is divided: wide and narrow, with a last slice of 32 output channels and an incomplete run. */
static void test_results_do_not_depend_on_caches(void)
{
    static const ConvShape shapes[] = {{66, 46, 64, 96, TRUE, FALSE, 3, 1, 0, FALSE, FALSE},
                                       {40, 44, 64, 160, TRUE, TRUE, 3, 1, 0, FALSE, FALSE},
                                       {43, 36, 144, 160, TRUE, FALSE, 3, 1, 0, FALSE, FALSE},
                                       {30, 29, 320, 96, FALSE, FALSE, 5, 2, 0, FALSE, FALSE}};
    static const gsize caches[] = {0, 512 << 10, 1 << 20, 2 << 20, 16 << 20};
    enum { N = 3 };
    gsize own = cache_bytes();
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        const ConvShape *s = &shapes[i];
        gsize size = N * out_floats(s) * sizeof(float);
        g_autofree float *in = random_array((gsize)N * s->height * s->width * s->inputs, 1, 1, 0);
        g_autofree float *kernel =
            random_array((gsize)s->size * s->size * s->inputs * s->outputs, 2, 0.1, -9);
        g_autofree float *expected = run_threads(s, kernel, NULL, in, N, 2);
        for (gsize j = 0; j < G_N_ELEMENTS(caches); j++) {
            cache_force(caches[j]);
            for (guint threads = 1; threads <= 5; threads += 4) {
                g_autofree float *out = run_threads(s, kernel, NULL, in, N, threads);
                g_assert_cmpmem(out, size, expected, size);
            }
        }
        cache_force(own);
    }
}

static void test_weights_may_change(void)
{
    ConvShape shape = {6, 6, 32, 32, FALSE, FALSE, 3, 1, 0, FALSE, FALSE};
    gsize floats = 6 * 6 * 32, taps = 9 * 32 * 32;
    g_autofree float *in = random_array(floats, 1, 1, -9), *first = random_array(taps, 2, 1, -9),
                     *second = random_array(taps, 3, 1, -9);
    g_autofree float *bias = random_array(32, 4, 1, -9),
                     *expected = run_threads(&shape, second, NULL, in, 1, 1);
    g_autofree float *out = g_new(float, floats);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    g_auto(Arena) arena = {0};
    g_autoptr(ConvPlan) plan = make_plan(&arena, &shape, CONV_FORWARD, thread_pool);
    conv_plan_set_weights(plan, first, bias);
    conv_plan_run(plan, in, 1, out);
    g_assert_cmpint(memcmp(out, expected, floats * sizeof(float)), !=, 0);
    conv_plan_set_weights(plan, second, NULL);
    conv_plan_run(plan, in, 1, out);
    g_assert_cmpmem(out, floats * sizeof(float), expected, floats * sizeof(float));
}

/* The direct method, and each tile available for the shape. */
static void test_every_tile_by_name(void)
{
    static const int tiles[] = {1, 4, 6, 7};
    for (gsize i = 0; i < G_N_ELEMENTS(tiles); i++) {
        check_shape((ConvShape){15, 13, 512, 32, TRUE, FALSE, 3, 1, tiles[i], FALSE, FALSE});
        check_shape((ConvShape){15, 13, 64, 96, FALSE, FALSE, 3, 1, tiles[i], TRUE, FALSE});
    }
}

static void test_a_limit_bounds_the_tile(void)
{
    ConvShape shape = {28, 28, 64, 64, TRUE, FALSE, 3, 1, 0, FALSE, FALSE}, few = shape, pooled = shape;
    static const int expected[] = {1, 1, 1, 1, 4, 4, 6, 7};
    for (int limit = 1; limit <= CONV_LARGEST_TILE; limit++)
        g_assert_cmpint(conv_tile(&shape, limit), ==, expected[limit]);
    few.inputs = 3;
    pooled.pool = TRUE;
    g_assert_cmpint(conv_tile(&few, CONV_LARGEST_TILE), ==, 1);
    g_assert_cmpint(conv_tile(&pooled, CONV_LARGEST_TILE), ==, 6);
}

/* Portable: the same bits for every instruction set, machine and compiler. The checksum was computed on x86-64. */
static void test_portable_bits_are_the_same_everywhere(void)
{
    static const int tiles[] = {1, 4, 6, 7};
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (gsize i = 0; i < G_N_ELEMENTS(tiles); i++) {
        ConvShape shape = {9, 8, 160, 32, TRUE, FALSE, 3, 1, tiles[i], TRUE, FALSE};
        gsize floats = (gsize)shape.height * shape.width * shape.inputs,
              size = out_floats(&shape) * sizeof(float);
        g_autofree float *in = g_new(float, floats), *bias = g_new0(float, shape.outputs);
        g_autofree float *kernel = g_new(float, 9 * shape.inputs * shape.outputs), *first = NULL;
        Rng rng = rng_new(11, 0);
        for (gsize j = 0; j < floats; j++)
            in[j] = (float)rng_uniform(&rng);
        for (int j = 0; j < 9 * shape.inputs * shape.outputs; j++)
            kernel[j] = (float)rng_uniform(&rng) - 0.5f;
        for (int isa = 0; isa < ISA_COUNT; isa++)
            if (isa_available((IsaSet)isa)) {
                isa_force((IsaSet)isa);
                g_autofree float *out = run_threads(&shape, kernel, bias, in, 1, 2);
                if (!first)
                    first = g_steal_pointer(&out);
                else
                    g_assert_cmpmem(out, size, first, size);
            }
        g_checksum_update(sum, (const guchar *)first, (gssize)size);
    }
    g_assert_cmpstr(g_checksum_get_string(sum), ==,
                    "335f3c6abe1f4c34551fb4af414396d3e4b02d6ee93eb9f574dab7edada5a954");
}

/* Against the definition above, to the last few bits; the same for any number of threads. */
static void test_the_reference_is_a_convolution(void)
{
    ConvShape shape = {7, 10, 48, 64, TRUE, FALSE, 3, 1, 0, FALSE, FALSE};
    gsize floats = (gsize)shape.height * shape.width * shape.inputs, n = out_floats(&shape);
    g_autofree float *in = random_array(floats, 1, 1, 0), *bias = random_array(shape.outputs, 3, 0.1, -1),
                     *kernel = random_array((gsize)9 * shape.inputs * shape.outputs, 2, 0.1, -9);
    g_autofree double *expected = reference(&shape, kernel, bias, in), *wide = g_new(double, floats);
    g_autofree double *both = g_new(double, 2 * n);
    for (gsize i = 0; i < floats; i++)
        wide[i] = in[i];
    for (guint i = 0; i < 2; i++) {
        g_autoptr(ThreadPool) thread_pool = thread_pool_new(1 + 2 * i);
        conv_reference(&shape, wide, kernel, bias, both + i * n, thread_pool);
    }
    for (gsize i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon(both[i], expected[i], 1e-13);
    g_assert_cmpmem(both, n * sizeof(double), both + n, n * sizeof(double));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conv/every layer shape agrees with a plain convolution in double",
                    test_every_layer_shape);
    g_test_add_func("/conv/odd sizes agree with a plain convolution in double", test_odd_sizes);
    g_test_add_func("/conv/every padding of 3x3 and 5x5 agrees with a plain convolution in double",
                    test_every_padding);
    g_test_add_func("/conv/pooling keeps the largest of four", test_pooling_keeps_the_largest_of_four);
    g_test_add_func("/conv/results do not depend on n, place or threads",
                    test_results_do_not_depend_on_company);
    g_test_add_func("/conv/results do not depend on the caches' sizes", test_results_do_not_depend_on_caches);
    g_test_add_func("/conv/weights may change", test_weights_may_change);
    g_test_add_func("/conv/every tile by name agrees with a plain convolution in double",
                    test_every_tile_by_name);
    g_test_add_func("/conv/a limit bounds the tile", test_a_limit_bounds_the_tile);
    g_test_add_func("/conv/portable bits are the same everywhere",
                    test_portable_bits_are_the_same_everywhere);
    g_test_add_func("/conv/the reference in double is a convolution", test_the_reference_is_a_convolution);
    return g_test_run();
}
