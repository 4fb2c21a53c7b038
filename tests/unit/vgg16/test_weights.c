/* Weights of VGG16: seeded ones, and files that are not weights. Weights files are tested by tests/cli/test_weights.py, which
 * runs
 *
 *     test_weights --describe SPEC…
 *
 * which prints a JSON object per line: error, or hash, source, normalization, seeded and the first values of each kernel and
 * bias. */
#include "common/vgg16/weights.h"
#include "tests/unit/fixture.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static void test_seeded_weights_repeat(void)
{
    g_autoptr(Weights) a = weights_load("random", VGG16_LAYERS - 1, NULL),
                       b = weights_load("random:0", VGG16_LAYERS - 1, NULL);
    g_autoptr(Weights) c = weights_load("random:18446744073709551615", VGG16_LAYERS - 1, NULL);
    g_assert_cmpstr(weights_hash(a, -1), ==, weights_hash(b, -1));
    g_assert_cmpstr(weights_hash(a, -1), !=, weights_hash(c, -1));
    g_assert_cmpstr(a->source, ==, "random:0");
    g_assert_cmpstr(c->source, ==, "random:18446744073709551615");
    g_assert_true(a->seeded);
    g_assert_cmpint(a->normalization, ==, NORMALIZE_CAFFE);
}

static void test_seeded_weights_are_he_normal(void)
{
    g_autoptr(Weights) weights = weights_load("random:5", VGG16_LAYERS - 1, NULL);
    for (int i = 0; i < VGG16_LAYERS; i++) {
        const Vgg16Layer *layer = &vgg16_layers[i];
        if (layer->conv < 0)
            continue;
        int n = 9 * layer->inputs * layer->outputs;
        double sum = 0, squares = 0, variance = 2.0 / (9 * layer->inputs) / (layer->conv == 0 ? 64 * 64 : 1);
        for (int p = 0; p < n; p++) {
            double w = weights_layer(weights, i)->kernel[p];
            sum += w;
            squares += w * w;
        }
        /* Five standard errors of each estimate. */
        g_assert_cmpfloat(fabs(sum / n), <, 5 * sqrt(variance / n));
        g_assert_cmpfloat(fabs(squares / n / variance - 1), <, 5 * sqrt(2.0 / n));
        const float *bias = weights_layer(weights, i)->bias;
        for (int k = 0; k < layer->outputs; k++)
            g_assert_true(bias[k] >= 0 && bias[k] < 0.02f);
    }
}

static void test_seeds_that_are_no_numbers_are_refused(void)
{
    static const char *const specs[] = {
        "random:",   "random:x",  "random:+1",  "random:-1",
        "random: 1", "random:1 ", "random:1.5", "random:18446744073709551616"};
    for (guint i = 0; i < G_N_ELEMENTS(specs); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(weights_load(specs[i], VGG16_LAYERS - 1, &error));
        g_assert_nonnull(strstr(error->message, "whole number"));
    }
}

static void test_other_files_are_told_by_their_kind(void)
{
    static const struct {
        const char *bytes;
        gsize size;
        const char *sentence;
    } cases[] = {
        {"", 0, "is empty"},
        {"block1_conv1\n", 13, "not a weights file"},
        {"PK\3\4xxxxxxxxxx", 14, "safetensors.torch"},
        {"\x80\2}q", 4, "safetensors.torch"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "git lfs pull"},
        {"<!DOCTYPE html>", 15, "web page"},
        {"\x1f\x8b\x08\x00", 4, "gzip"},
        {"\xff\xd8\xff\xe0", 4, "JPEG"},
        {"\x89PNG\r\n\x1a\n", 8, "PNG"},
        {"\x89HDF\r\n\x1a\n", 8, "damaged or truncated"},
        {"\2\0\0\0\0\0\0\0{}", 10, "has no tensor features.0.weight"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = in_folder("vgg16.h5");
        overwrite(path, cases[i].bytes, cases[i].size);
        g_assert_null(weights_load(path, VGG16_LAYERS - 1, &error));
        if (!g_str_has_prefix(error->message, path) || !strstr(error->message, cases[i].sentence))
            g_error("case %u: \"%s\" does not hold \"%s\"", i, error->message, cases[i].sentence);
    }
    g_assert_null(weights_load(folder, VGG16_LAYERS - 1, NULL));
    g_assert_null(weights_load("tests/nothing", VGG16_LAYERS - 1, NULL));
    g_assert_null(weights_load("", VGG16_LAYERS - 1, NULL));
}

static json_t *first_values(const Weights *weights, gboolean of_bias)
{
    json_t *all = json_array();
    for (int i = 0; i < VGG16_LAYERS; i++) {
        if (vgg16_layers[i].conv < 0)
            continue;
        const Layer *layer = weights_layer(weights, i);
        const float *tensor = of_bias ? layer->bias : layer->kernel;
        json_t *values = json_array();
        for (int v = 0; v < 8; v++)
            json_array_append_new(values, json_real((double)tensor[v]));
        json_array_append_new(all, values);
    }
    return all;
}

static void describe(const char *from)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Weights) weights = weights_load(from, VGG16_LAYERS - 1, &error);
    json_auto_t *object =
        weights ? json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "hash", weights_hash(weights, -1), "source",
                            weights->source, "normalization", normalization_name(weights->normalization),
                            "seeded", weights->seeded, "kernels", first_values(weights, FALSE), "biases",
                            first_values(weights, TRUE))
                : json_pack("{s:s}", "error", error->message);
    g_autofree char *text = json_dumps(object, JSON_COMPACT);
    puts(text);
}

int main(int argc, char **argv)
{
    if (argc >= 3 && g_str_equal(argv[1], "--describe")) {
        for (int i = 2; i < argc; i++)
            describe(argv[i]);
        return 0;
    }
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/weights/seeded repeat", test_seeded_weights_repeat);
    g_test_add_func("/weights/seeded are He-normal", test_seeded_weights_are_he_normal);
    g_test_add_func("/weights/seeds that are no numbers are refused",
                    test_seeds_that_are_no_numbers_are_refused);
    g_test_add_func("/weights/other files are reported by their kind",
                    test_other_files_are_told_by_their_kind);
    int status = g_test_run();
    scratch_remove();
    return status;
}
