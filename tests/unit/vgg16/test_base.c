/* The base up to a cut against features that PyTorch computed in float64 (tests/golden/make_base.py), with weights of
 * three kinds and the tiles chosen for them; and that an image's features do not depend on the other images. */
#include "common/arithmetic/conv.h"
#include "common/arithmetic/isa.h"
#include "common/network/executor.h"
#include "common/vgg16/base.h"
#include "common/vgg16/tiles.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

typedef enum { NORMAL, HEAVY_TAILED, ZERO_MEAN, KINDS } Kind;
static const char *const kind_names[KINDS] = {"normal", "heavy-tailed", "zero-mean"};

static Weights *weights; /* normal */
static Weights *all_weights[KINDS];

/* Makes a kernel (9, C, K) heavy-tailed, or zero-mean per output channel, instead of normal, like make_base.py. */
static void make_heavy_tailed(const Vgg16Layer *layer, float *kernel)
{
    gsize taps = (gsize)layer->inputs * layer->outputs;
    double std = sqrt(2.0 / (9 * layer->inputs)) / (layer->conv == 0 ? WEIGHTS_PIXEL_SCALE : 1);
    for (gsize i = 0; i < taps; i++) {
        double cubes[9];
        for (int tap = 0; tap < 9; tap++) {
            double z = kernel[tap * taps + i] / std;
            cubes[tap] = z * z * z / sqrt(15);
        }
        for (int tap = 0; tap < 9; tap++)
            kernel[tap * taps + i] = (float)(std * (0.6 * cubes[tap] + 0.8 * cubes[4]));
    }
}

static void make_zero_mean(const Vgg16Layer *layer, float *kernel)
{
    gsize n = (gsize)9 * layer->inputs;
    g_autofree double *sums = g_new0(double, layer->outputs);
    for (gsize i = 0; i < n * layer->outputs; i++)
        sums[i % layer->outputs] += kernel[i];
    for (gsize i = 0; i < n * layer->outputs; i++)
        kernel[i] = (float)(kernel[i] - sums[i % layer->outputs] / (double)n);
}

static Weights *weights_of(Kind kind)
{
    if (all_weights[kind])
        return all_weights[kind];
    all_weights[kind] = weights_load("random:1", VGG16_LAYERS - 1, NULL);
    for (int i = 0; i < VGG16_LAYERS; i++) {
        const Vgg16Layer *layer = &vgg16_layers[i];
        if (layer->conv >= 0 && kind == HEAVY_TAILED)
            make_heavy_tailed(layer, weights_layer(all_weights[kind], i)->kernel);
        if (layer->conv >= 0 && kind == ZERO_MEAN)
            make_zero_mean(layer, weights_layer(all_weights[kind], i)->kernel);
    }
    return all_weights[kind];
}

/* The image of make_base.py, `shift` columns further. */
static void synthetic(int side, int shift, float *image)
{
    for (int y = 0; y < side; y++)
        for (int i = 0; i < side; i++)
            for (int c = 0; c < 3; c++) {
                int x = i + shift;
                *image++ =
                    (float)((y * 7 + x * 13 + c * 29 + (x * y) % 17 * 11 + (x * x + 3 * y) % 31 * 5) % 256 -
                            120);
            }
}

static gsize features_of(int cut, int side)
{
    int shape[3];
    vgg16_shape(cut, side, shape);
    return (gsize)shape[0] * shape[1] * shape[2];
}

/* The error of features at a case's probes. */
static double probe_error(const float *out, gsize features, const json_t *probes)
{
    double error = 0, size = 0;
    gsize n = json_array_size(probes);
    for (gsize i = 0; i < n; i++) {
        double expected = json_number_value(json_array_get(probes, i)),
               difference = out[i * features / n] - expected;
        error += difference * difference;
        size += expected * expected;
    }
    g_assert_cmpfloat(size, >, 0);
    return sqrt(error / size);
}

/* Images (n, side, side, 3) through a base with this batch and these threads. */
static float *run_base(Network *base, const float *images, int n, int batch, guint threads)
{
    g_auto(Arena) arena = {0};
    gsize image = (gsize)base->input[0] * base->input[1] * 3, features = network_outputs(base);
    float *out = g_new(float, n *features);
    g_autofree const float **rows = g_new(const float *, n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    g_autoptr(Executor) executor =
        arena_build(&arena, executor_free, executor_new(&arena, base, EXECUTOR_PREDICT, batch, thread_pool));
    for (int i = 0; i < n; i++)
        rows[i] = images + i * image;
    for (int i = 0; i < n; i += batch)
        executor_forward(executor, rows + i, MIN(batch, n - i), NULL, out + i * features);
    return out;
}

/* The features of the synthetic image. */
static float *features_with(const Weights *of, const int *tiles, int cut, int side)
{
    g_autofree float *image = g_new(float, side *side * 3);
    g_autoptr(Network) base = base_network(of, tiles, cut, side);
    synthetic(side, 0, image);
    return run_base(base, image, 1, 1, 2);
}

static Kind kind_of(const json_t *golden)
{
    const char *name = json_string_value(json_object_get(golden, "kind"));
    Kind kind = NORMAL;
    while (!g_str_equal(kind_names[kind], name))
        kind++;
    return kind;
}

/* The tiles chosen for a case, once for all tests; if tiles are few or small anyway, those of the shapes. */
static Tiles case_tiles(const json_t *golden)
{
    static Tiles chosen[KINDS];
    Kind kind = kind_of(golden);
    int cut = vgg16_find(json_string_value(json_object_get(golden, "cut")));
    int side = (int)json_integer_value(json_object_get(golden, "side"));
    if (side < 112)
        return (Tiles){0};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    if (!chosen[kind].m[0])
        chosen[kind] = tiles_choose(weights_of(kind), cut, side, thread_pool);
    return chosen[kind];
}

static void check_case(const json_t *golden)
{
    Kind kind = kind_of(golden);
    int cut = vgg16_find(json_string_value(json_object_get(golden, "cut")));
    int side = (int)json_integer_value(json_object_get(golden, "side"));
    const json_t *probes = json_object_get(golden, "probes");
    double limit = MAX(TILES_ERROR, 3 * json_number_value(json_object_get(golden, "float32_error")));
    double norm = 0, expected_norm = json_number_value(json_object_get(golden, "norm"));
    gsize features = features_of(cut, side);
    g_assert_cmpint((int)features, ==, json_integer_value(json_object_get(golden, "features")));
    Tiles tiles = case_tiles(golden);
    g_autofree float *out = features_with(weights_of(kind), tiles.m, cut, side);
    double error = probe_error(out, features, probes);
    for (gsize i = 0; i < features; i++)
        norm += (double)out[i] * out[i];
    g_test_message("%s, %s, side %d, %s: relative L2 error %.2e, measured %.2e", kind_names[kind],
                   vgg16_layers[cut].name, side, isa_name(isa_current()), error, tiles.error);
    g_assert_cmpfloat(error, <, limit);
    g_assert_cmpfloat_with_epsilon(sqrt(norm) / expected_norm, 1, 1e-5);
}

static json_t *load_golden(void)
{
    json_error_t error;
    json_t *golden = json_load_file("tests/golden/base.json", 0, &error);
    if (!golden)
        g_error("tests/golden/base.json: %s", error.text);
    g_assert_cmpstr(json_string_value(json_object_get(golden, "weights")), ==, weights->source);
    return golden;
}

static void test_agrees_with_pytorch(gconstpointer isa)
{
    json_t *golden = load_golden(), *one;
    gsize i;
    isa_force((IsaSet)GPOINTER_TO_INT(isa));
    json_array_foreach(json_object_get(golden, "cases"), i, one) check_case(one);
    g_assert_cmpint((int)i, >, 0);
    json_decref(golden);
}

/* Images 0 … n-1. */
static float *features_by(int cut, int side, int n, int batch, guint threads)
{
    gsize image = (gsize)side * side * 3;
    g_autofree float *images = g_new(float, n *image);
    g_autoptr(Network) base = base_network(weights, NULL, cut, side);
    for (int i = 0; i < n; i++)
        synthetic(side, 5 * i, images + i * image);
    return run_base(base, images, n, batch, threads);
}

static void test_features_do_not_depend_on_company(void)
{
    enum { SIDE = 96, N = 7 };
    static const char *const cuts[] = {"block1_conv2", "block3_conv1", "block5_pool"};
    for (gsize i = 0; i < G_N_ELEMENTS(cuts); i++) {
        int cut = vgg16_find(cuts[i]);
        gsize size = N * features_of(cut, SIDE) * sizeof(float);
        g_autofree float *alone = features_by(cut, SIDE, N, 1, 1),
                         *together = features_by(cut, SIDE, N, N, 2), *some = features_by(cut, SIDE, N, 3, 3);
        g_assert_cmpmem(alone, size, together, size);
        g_assert_cmpmem(alone, size, some, size);
        g_assert_cmpint(memcmp(alone, alone + features_of(cut, SIDE), features_of(cut, SIDE) * sizeof(float)),
                        !=, 0);
    }
}

static void test_any_layer_is_a_cut(void)
{
    for (int cut = 0; cut < VGG16_LAYERS; cut++) {
        int shape[3];
        vgg16_shape(cut, 224, shape);
        g_assert_cmpint(shape[0], ==, 224 / vgg16_layers[cut].shrink);
        g_assert_cmpint(shape[2], ==, vgg16_layers[cut].outputs);
    }
    /* A pooling cut is the pooling of the convolution before it. */
    enum { SIDE = 32 };
    int cut = vgg16_find("block2_conv2"), side = SIDE / 2, channels = 128;
    g_autofree float *conv = features_by(cut, SIDE, 1, 1, 1), *pool = features_by(cut + 1, SIDE, 1, 1, 1);
    for (int i = 0; i < side / 2 * side / 2 * channels; i++) {
        int y = i / channels / (side / 2) * 2, x = i / channels % (side / 2) * 2;
        const float *upper = conv + (y * side + x) * channels + i % channels,
                    *lower = upper + side * channels;
        float max = MAX(MAX(upper[0], upper[channels]), MAX(lower[0], lower[channels]));
        g_assert_cmpfloat_with_epsilon(pool[i], max, 1e-3);
    }
}

/* The same choice and the same error to the bit, on every instruction set and with any number of threads. */
static void test_tiles_depend_on_the_weights_alone(void)
{
    enum { SIDE = 112 };
    int cut = vgg16_find("block5_conv3");
    Tiles first = {0};
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)isa + 1);
        Tiles tiles = tiles_choose(weights_of(ZERO_MEAN), cut, SIDE, thread_pool);
        if (!first.m[0])
            first = tiles;
        g_assert_cmpmem(&tiles, sizeof tiles, &first, sizeof first);
    }
}

/* If sums cancel, tiles are smaller than by the shapes, with which the error would be too large. Otherwise they are
 * those of the shapes. */
static void test_tiles_are_small_where_sums_cancel(void)
{
    json_t *golden = load_golden(), *one;
    gsize i;
    json_array_foreach(json_object_get(golden, "cases"), i, one)
    {
        Kind kind = kind_of(one);
        int cut = vgg16_find(json_string_value(json_object_get(one, "cut"))), smaller = 0;
        int side = (int)json_integer_value(json_object_get(one, "side"));
        Tiles tiles = case_tiles(one);
        if (!tiles.m[0])
            continue;
        for (int conv = 0; conv < VGG16_CONVS; conv++)
            smaller += tiles.m[conv] < base_tile(cut, side, conv, 0, CONV_LARGEST_TILE);
        g_autofree float *out = features_with(weights_of(kind), NULL, cut, side);
        double error = probe_error(out, features_of(cut, side), json_object_get(one, "probes"));
        g_test_message("%s: %d tiles smaller, %.2e without", kind_names[kind], smaller, error);
        g_assert_true(kind == ZERO_MEAN ? smaller > 3 && error > TILES_ERROR
                                        : !smaller && error < TILES_ERROR);
    }
    json_decref(golden);
}

static gsize memory_of(int cut)
{
    g_autoptr(Network) base = base_network(NULL, NULL, cut, 224);
    return network_predict_memory(base, 2, 8).memory;
}

static void test_memory_is_told(void)
{
    gsize early = memory_of(vgg16_find("block1_conv2")), late = memory_of(VGG16_LAYERS - 1);
    g_assert_cmpuint(early, >, 224 * 224 * 64 * sizeof(float));
    g_assert_cmpuint(late, >, 36 * 512 * 512 * 5 * sizeof(float));
    g_assert_cmpuint(late, <, 700 << 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    weights = weights_of(NORMAL);
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (isa_available((IsaSet)isa)) {
            g_autofree char *name =
                g_strdup_printf("/base/agrees with PyTorch in float64/%s", isa_name((IsaSet)isa));
            g_test_add_data_func(name, GINT_TO_POINTER(isa), test_agrees_with_pytorch);
        }
    g_test_add_func("/base/tiles depend only on the weights", test_tiles_depend_on_the_weights_alone);
    g_test_add_func("/base/tiles are small where sums cancel", test_tiles_are_small_where_sums_cancel);
    g_test_add_func("/base/features do not depend on n, batch, place or threads",
                    test_features_do_not_depend_on_company);
    g_test_add_func("/base/any layer is a cut", test_any_layer_is_a_cut);
    g_test_add_func("/base/memory is predicted", test_memory_is_told);
    int status = g_test_run();
    for (int kind = 0; kind < KINDS; kind++)
        weights_free(all_weights[kind]);
    return status;
}
