/* keras_config: see model_json.h. */
#include "common/model/model_json.h"

/* Appends a layer; takes ownership of config. */
static void append(json_t *layers, const char *class_name, const char *name, json_t *config)
{
    json_object_set_new(config, "name", json_string(name));
    json_array_append_new(layers, json_pack("{s:s, s:s, s:o, s:n}", "module", "keras.layers", "class_name",
                                            class_name, "config", config, "registered_name"));
}

static void append_activation(json_t *layers, const char *name, const char *activation)
{
    append(layers, "Activation", name, json_pack("{s:s}", "activation", activation));
}

static void append_rescaling(json_t *layers, const char *name, double factor)
{
    append(layers, "Rescaling", name, json_pack("{s:f, s:f}", "scale", factor, "offset", 0.0));
}

/* Normalization divides by the root of the variance, we multiply by its inverse. */
static void append_normalization(json_t *layers, const char *name, const Scaling *scaling)
{
    json_t *mean = json_array(), *variance = json_array();
    for (gsize j = 0; j < scaling->features; j++) {
        double inverse = scaling->inverse[j];
        json_array_append_new(mean, json_real(scaling->mean[j]));
        json_array_append_new(variance, json_real(1 / (inverse * inverse)));
    }
    append(layers, "Normalization", name,
           json_pack("{s:i, s:o, s:o}", "axis", -1, "mean", mean, "variance", variance));
}

/* Each vector divided by its length; root: that of its square roots. */
static void append_unit(json_t *layers, const char *name, gboolean root)
{
    if (root)
        append(layers, "Activation", "square_root",
               json_pack("{s:{s:s, s:s, s:s, s:s}}", "activation", "module", "keras.ops", "class_name",
                         "function", "config", "sqrt", "registered_name", "function"));
    append(layers, "UnitNormalization", name, json_pack("{s:i}", "axis", -1));
}

static void append_scaling(json_t *layers, const Scaling *scaling)
{
    static const char name[] = "scaling";
    if (scaling->kind == SCALE_MAX)
        append_rescaling(layers, name, 1 / (double)scaling->max);
    else if (scaling->kind == SCALE_STANDARD)
        append_normalization(layers, name, scaling);
    else if (scaling->kind != SCALE_NONE)
        append_unit(layers, name, scaling->kind == SCALE_SQRT);
}

/* Keras has both sides of a window or kernel. */
static void append_layer(json_t *layers, const Layer *layer, Activation activation)
{
    const char *sides = layer->kind == LAYER_CONV2D ? "kernel_size" : "pool_size";
    if (layer->kind == LAYER_UNIT_NORMALIZATION) {
        append_unit(layers, layer->name, layer->root);
        return;
    }
    json_t *config = layer_settings(layer, activation);
    if (json_object_del(config, "size") == 0)
        json_object_set_new(config, sides, json_pack("[i, i]", layer->size, layer->size));
    append(layers, layer_kinds[layer->kind].keras, layer->name, config);
}

json_t *keras_config(const Model *model)
{
    const Network *network = model->network;
    const int *input = network->input;
    gboolean calibrated = model->temperature > 0;
    json_t *layers = json_array();
    json_t *shape = input[0] * input[1] == 1 ? json_pack("[n, i]", input[2])
                                             : json_pack("[n, i, i, i]", input[0], input[1], input[2]);
    append(layers, "InputLayer", "features",
           json_pack("{s:o, s:s}", "batch_shape", shape, "dtype", "float32"));
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        gboolean last = calibrated && layer->activation == ACTIVATION_SOFTMAX;
        append_layer(layers, layer, last ? ACTIVATION_LINEAR : layer->activation);
        if (layer->kind == LAYER_FLATTEN)
            append_scaling(layers, model->scaling);
    }
    if (model->sigmoids)
        append_activation(layers, "log_sigmoid", "log_sigmoid");
    if (calibrated)
        append_rescaling(layers, "temperature", 1 / model->temperature);
    if (model->sigmoids || calibrated)
        append_activation(layers, "probabilities", "softmax");
    return json_pack("{s:s, s:s, s:{s:s, s:o}, s:n}", "module", "keras", "class_name", "Sequential", "config",
                     "name", model->approach, "layers", layers, "registered_name");
}
