/* onnx_export: see onnx_export.h. */
#include "evaluate/export/onnx_export.h"

#include "common/core/error.h"
#include "common/model/model.h"
#include "common/vgg16/base.h"
#include "evaluate/export/onnx_graph.h"
#include "evaluate/metrics/evaluation.h"
#include "evaluate/prediction/images.h"

#include <float.h>
#include <string.h>

/* The graph as far as it goes. Activations are NCHW, as ONNX's operators want them, until they are flat, in our order. */
typedef struct {
    OnnxGraph *graph;
    const char *value;
    gboolean flat;
} Tail;

static void append(Tail *tail, const char *op, const OnnxAttribute *attributes)
{
    tail->value = onnx_graph_node(tail->graph, op, attributes, NULL, tail->value, NULL);
}

/* An operator with a second operand. */
static void append_with(Tail *tail, const char *op, const char *operand)
{
    tail->value = onnx_graph_node(tail->graph, op, NULL, NULL, tail->value, operand, NULL);
}

static void transpose(Tail *tail, const gint64 order[4])
{
    OnnxAttribute attributes[] = {{"perm", 4, {order[0], order[1], order[2], order[3]}}, {0}};
    append(tail, "Transpose", attributes);
}

static void flatten(Tail *tail)
{
    if (tail->flat)
        return;
    transpose(tail, (const gint64[]){0, 2, 3, 1});
    append(tail, "Flatten", NULL);
    tail->flat = TRUE;
}

/* ---- From pixels to the base ---- */

/* What image_normalize does, read off its results: scale and offset of each output channel, and whether the channels are
 * turned round. */
static void append_normalization(Tail *tail, Normalization normalization)
{
    static const gint64 reversed[] = {2, 1, 0}, channels = 3;
    const guint8 black[3] = {0}, white[3] = {255, 255, 255}, red[3] = {255};
    float at_red[3], at_white[3], *offset = onnx_graph_own(tail->graph, g_new(float, 3)),
                                  *scale = onnx_graph_own(tail->graph, g_new(float, 3));
    image_normalize(black, 1, normalization, offset);
    image_normalize(white, 1, normalization, at_white);
    image_normalize(red, 1, normalization, at_red);
    for (int c = 0; c < 3; c++)
        scale[c] = (at_white[c] - offset[c]) / 255;
    if (at_red[0] == offset[0]) {
        const OnnxAttribute axis[] = {{"axis", 0, {3}}, {0}};
        const char *order = onnx_graph_integers(tail->graph, reversed, channels);
        tail->value = onnx_graph_node(tail->graph, "Gather", axis, NULL, tail->value, order, NULL);
    }
    append_with(tail, "Mul", onnx_graph_floats(tail->graph, scale, 1, &channels));
    append_with(tail, "Add", onnx_graph_floats(tail->graph, offset, 1, &channels));
    transpose(tail, (const gint64[]){0, 3, 1, 2});
}

/* ---- Layers ---- */

/* HWIO to OIHW. */
static const char *convolution_kernel(OnnxGraph *graph, const Layer *layer)
{
    gint64 side = layer->size, inputs = layer->in[2], outputs = layer->out[2];
    float *kernel = onnx_graph_own(graph, g_new(float, layer->kernel_count));
    for (gint64 place = 0; place < side * side; place++)
        for (gint64 c = 0; c < inputs; c++)
            for (gint64 k = 0; k < outputs; k++)
                kernel[(k * inputs + c) * side * side + place] =
                    layer->kernel[(place * inputs + c) * outputs + k];
    return onnx_graph_floats(graph, kernel, 4, (const gint64[]){outputs, inputs, side, side});
}

/* op: of two parameters. */
static void append_parameters(Tail *tail, const char *op, const OnnxAttribute *attributes, const char *kernel,
                              const Layer *layer)
{
    const char *bias = onnx_graph_floats(tail->graph, layer->bias, 1, &(gint64){layer->out[2]});
    tail->value = onnx_graph_node(tail->graph, op, attributes, NULL, tail->value, kernel, bias, NULL);
}

/* Divided by a norm over the features; a zero vector stays one. */
static void append_division(Tail *tail, const char *norm, const char *of, gboolean root)
{
    const OnnxAttribute axes[] = {{"axes", 1, {1}}, {0}};
    Tail length = *tail;
    length.value = of;
    append(&length, norm, axes);
    if (root)
        append(&length, "Sqrt", NULL);
    append_with(&length, "Max", onnx_graph_number(tail->graph, FLT_MIN));
    append_with(tail, "Div", length.value);
}

static void append_unit(Tail *tail, gboolean root)
{
    if (!root) {
        append_division(tail, "ReduceL2", tail->value, FALSE);
        return;
    }
    Tail sign = *tail;
    const char *before = tail->value;
    append(&sign, "Sign", NULL);
    append(tail, "Abs", NULL);
    append(tail, "Sqrt", NULL);
    append_with(tail, "Mul", sign.value);
    append_division(tail, "ReduceL1", before, TRUE);
}

static void append_layer(Tail *tail, const Layer *layer)
{
    gint64 side = layer->size, pad = layer->same ? side / 2 : 0, more = layer->same ? side - 1 - pad : 0;
    const OnnxAttribute padding[] = {{"pads", 4, {more, more, pad, pad}}, {0}};
    const OnnxAttribute window[] = {{"kernel_shape", 2, {side, side}}, {"strides", 2, {side, side}}, {0}};
    const gint64 dense[] = {layer->in[2], layer->out[2]};
    switch (layer->kind) {
    case LAYER_CONV2D:
        append_parameters(tail, "Conv", padding, convolution_kernel(tail->graph, layer), layer);
        return;
    case LAYER_MAX_POOLING2D:
        append(tail, "MaxPool", window);
        return;
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        append(tail, "GlobalAveragePool", NULL);
        return;
    case LAYER_FLATTEN:
        flatten(tail);
        return;
    case LAYER_UNIT_NORMALIZATION:
        append_unit(tail, layer->root);
        return;
    case LAYER_DENSE:
        flatten(tail);
        append_parameters(tail, "Gemm", NULL, onnx_graph_floats(tail->graph, layer->kernel, 2, dense), layer);
        return;
    case LAYER_ACTIVATION:
    case LAYER_DROPOUT:
        return;
    }
}

/* softmax: whether the last layer's is applied. */
static void append_network(Tail *tail, const Network *network, gboolean softmax)
{
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        append_layer(tail, layer);
        if (layer->activation == ACTIVATION_RELU)
            append(tail, "Relu", NULL);
        else if (layer->activation == ACTIVATION_SOFTMAX && softmax)
            append(tail, "Softmax", NULL);
    }
}

static gboolean append_base(Tail *tail, const FeatureSpec *spec, const Weights *weights, GError **error)
{
    int cut = vgg16_find(spec->layer);
    if (cut < 0)
        return TRUE;
    g_autoptr(Network) base = base_network(weights, NULL, cut, spec->side);
    if (spec->pool != POOL_NONE && !vgg16_append_pool(base, spec->pool, error))
        return FALSE;
    append_network(tail, base, FALSE);
    return TRUE;
}

/* ---- Scaling and probabilities ---- */

static void append_scaling(Tail *tail, const Scaling *scaling)
{
    const gint64 features = (gint64)scaling->features;
    if (scaling->kind == SCALE_NONE)
        return;
    flatten(tail);
    if (scaling->kind == SCALE_MAX) {
        append_with(tail, "Div", onnx_graph_number(tail->graph, scaling->max));
    } else if (scaling->kind == SCALE_STANDARD) {
        append_with(tail, "Sub", onnx_graph_floats(tail->graph, scaling->mean, 1, &features));
        append_with(tail, "Mul", onnx_graph_floats(tail->graph, scaling->inverse, 1, &features));
    } else {
        append_unit(tail, scaling->kind == SCALE_SQRT);
    }
}

/* Softmax of logarithms of probabilities, or of decision values, over the temperature. */
static void append_calibration(Tail *tail, const Model *model)
{
    if (model->sigmoids) { /* log(sigmoid(z)) = -softplus(-z) */
        append(tail, "Neg", NULL);
        append(tail, "Softplus", NULL);
        append(tail, "Neg", NULL);
    }
    if (model->temperature > 0)
        append_with(tail, "Div", onnx_graph_number(tail->graph, (float)model->temperature));
    if (model->sigmoids || model->temperature > 0)
        append(tail, "Softmax", NULL);
}

/* ---- The whole ---- */

static char *preprocessing(const FeatureSpec *spec)
{
    static const char *const resized[] = {
        [PRESET_KERAS] = "Pillow's nearest neighbour",
        [PRESET_TORCHVISION] =
            "Pillow's bilinear filter, the short side to side * 256 / 224, then the centre",
        [PRESET_VIPS] = "libvips while JPEGs are decoded, then by Pillow's bilinear filter"};
    return g_strdup_printf("preset %s: resized by %s; fit %s; EXIF's orientation and colour profiles %s; %d "
                           "x %d pixels, red, green and "
                           "blue from 0 to 255, as float32 (N, %d, %d, 3)",
                           preset_name(spec->preset), resized[spec->preset],
                           spec->preset == PRESET_TORCHVISION ? "crop" : fit_name(spec->fit),
                           spec->metadata ? "heeded" : "ignored", spec->side, spec->side, spec->side,
                           spec->side);
}

static void add_json(OnnxGraph *graph, const char *key, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    onnx_graph_metadata(graph, key, text);
    free(text);
    json_decref(value);
}

static void append_metadata(OnnxGraph *graph, const Model *model)
{
    g_autofree char *words = preprocessing(model->spec);
    json_t *classes = json_array();
    for (guint k = 0; k < model->classes->len; k++)
        json_array_append_new(classes, json_string(model->classes->pdata[k]));
    onnx_graph_metadata(graph, "preprocessing", words);
    add_json(graph, "recipe", feature_spec_to_json(model->spec));
    add_json(graph, "classes", classes);
    if (model->threshold > 0) {
        g_autofree char *threshold = g_strdup_printf("%.17g", model->threshold);
        onnx_graph_metadata(graph, "threshold", threshold);
    }
}

static gboolean write_model(const Model *model, const Weights *weights, const char *path, GError **error)
{
    g_autoptr(OnnxGraph) graph = onnx_graph_new(model->head);
    const char *output = model_has_probabilities(model) ? "probabilities" : "decision_values";
    const gint64 pixels[] = {model->spec->side, model->spec->side, 3}, classes = model->classes->len;
    Tail tail = {graph, "pixels", FALSE};
    onnx_graph_value(graph, FALSE, "pixels", 3, pixels);
    onnx_graph_value(graph, TRUE, output, 1, &classes);
    append_normalization(&tail, model->spec->normalization);
    if (!append_base(&tail, model->spec, weights, error))
        return FALSE;
    append_scaling(&tail, model->scaling);
    append_network(&tail, model->network, model->temperature <= 0);
    append_calibration(&tail, model);
    onnx_graph_node(graph, "Identity", NULL, output, tail.value, NULL);
    append_metadata(graph, model);
    return onnx_graph_write(graph, path, error);
}

Status onnx_export(const Options *options, GError **error)
{
    const char *path = options->models.paths[0];
    g_autoptr(Model) model = model_load(path, error);
    if (!model)
        return STATUS_FAILED;
    const ImagesOwner owner = {path, "trained", model->spec};
    g_autoptr(Weights) weights = NULL;
    return images_weights(options->models.weights, &owner, 1, &weights, error) &&
                   write_model(model, weights, options->export_onnx, error)
               ? STATUS_DONE
               : STATUS_FAILED;
}
