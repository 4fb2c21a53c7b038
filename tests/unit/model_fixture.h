/* model_fixture: small models to save, load and spoil. */
#pragma once
#include "common/core/hdf5_file.h"
#include "common/model/model.h"
#include "tests/unit/scratch.h"

enum { CLASSES = 3 };

/* Parameters that differ everywhere, biases too. */
static inline void fill(Network *network)
{
    network_initialize(network, 7);
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        for (gsize k = 0; k < layer->bias_count; k++)
            layer->bias[k] = 0.01f * (float)(k + 1) * (k % 2 ? -1 : 1);
    }
}

static inline FeatureSpec *spec(const char *layer, int side, int out_side, int channels)
{
    FeatureSpec spec = {.weights_hash =
                            (char *)"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                        .weights_source = (char *)"random:0",
                        .preset = PRESET_KERAS,
                        .normalization = NORMALIZE_CAFFE,
                        .side = side,
                        .layer = (char *)layer,
                        .shape = {out_side, out_side, channels}};
    return feature_spec_copy(&spec);
}

static inline Model *model_of(Network *network, FeatureSpec *spec, const char *approach, ScalingKind kind)
{
    Model *model = g_new0(Model, 1);
    model->approach = g_strdup(approach);
    model->head = g_strdup("dense");
    model->classes = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < CLASSES; i++)
        g_ptr_array_add(model->classes, g_strdup_printf("crème_%d", i));
    model->spec = spec;
    model->network = network;
    model->training = json_pack("{s:f, s:s}", "learning_rate", 0.001, "optimizer", "adam");
    model->probabilities = TRUE;
    model->temperature = 1.5;
    model->scaling = scaling_new(kind, feature_spec_features(spec));
    model->scaling->max = kind == SCALE_MAX ? 3.7f : 1;
    for (gsize i = 0; kind == SCALE_STANDARD && i < model->scaling->features; i++) {
        model->scaling->mean[i] = 0.5f + (float)i / 1000;
        model->scaling->inverse[i] = 2.0f - (float)i / 1000;
    }
    fill(network);
    return model;
}

/* A head on 1 x 1 x 64 features. */
static inline Model *dense_model(ScalingKind kind)
{
    Network *network = network_new(1, 1, 64);
    g_assert_nonnull(network_dense(network, NULL, 7, ACTIVATION_RELU, NULL));
    g_assert_nonnull(network_dropout(network, NULL, 0.2f, NULL));
    g_assert_nonnull(network_dense(network, NULL, CLASSES, ACTIVATION_SOFTMAX, NULL));
    return model_of(network, spec("block1_pool", 2, 1, 64), "standalone", kind);
}

static inline void save(const Model *model, const char *path)
{
    g_autoptr(GError) error = NULL;
    model_save(model, path, &error);
    g_assert_no_error(error);
}

enum { MODEL_ATTRIBUTES = 7 };
static const char *const model_attributes[MODEL_ATTRIBUTES] = {
    "vggcache_format",  "vggcache_recipe",      "vggcache_classes",  "vggcache_network",
    "vggcache_scaling", "vggcache_calibration", "vggcache_training",
};

/* A file whole and sealed, with one attribute replaced (value NULL: left out): its content has to be believed
 * or refused on its own. */
static inline char *with_attribute(const char *name, const char *value)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *source = in_folder("source.h5");
    char *path = in_folder("altered.h5");
    g_autoptr(Model) model = dense_model(SCALE_MAX);
    save(model, source);
    g_autoptr(Hdf5File) from = hdf5_open(source, &error), to = hdf5_create(path, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < MODEL_ATTRIBUTES; i++) {
        g_autofree char *text = hdf5_read_text(from, "/", model_attributes[i], &error);
        g_assert_no_error(error);
        const char *kept = g_str_equal(model_attributes[i], name) ? value : text;
        if (kept)
            hdf5_write_text(to, "/", model_attributes[i], kept, &error);
    }
    for (guint i = 0; i < model->network->layers->len; i++) {
        const Layer *layer = model->network->layers->pdata[i];
        if (!layer->kernel)
            continue;
        g_autofree char *kernel = g_strdup_printf("/%s/%s/kernel:0", layer->name, layer->name);
        g_autofree char *bias = g_strdup_printf("/%s/%s/bias:0", layer->name, layer->name);
        gsize shape[] = {(gsize)layer->in[2], (gsize)layer->out[2]};
        hdf5_write_floats(to, kernel, 2, shape, layer->kernel, &error);
        hdf5_write_floats(to, bias, 1, shape + 1, layer->bias, &error);
    }
    hdf5_commit(to, &error);
    g_assert_no_error(error);
    return path;
}
