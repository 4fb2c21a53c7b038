/* network: assembles layers and initialises their parameters; see network.h. */
#include "common/network/network.h"

#include "common/core/error.h"
#include "common/core/floats.h"

#include <math.h>
#include <string.h>

enum { MAX_UNITS = 1 << 24 }; /* side, channels, units: no product of three of them overflows */

static const char *const kind_names[] = {
    [LAYER_CONV2D] = "conv2d",         [LAYER_MAX_POOLING2D] = "max_pooling2d",
    [LAYER_ACTIVATION] = "activation", [LAYER_DROPOUT] = "dropout",
    [LAYER_FLATTEN] = "flatten",       [LAYER_UNIT_NORMALIZATION] = "unit_normalization",
    [LAYER_DENSE] = "dense",           [LAYER_GLOBAL_AVERAGE_POOLING2D] = "global_average_pooling2d",
};

static void layer_free(gpointer data)
{
    Layer *layer = data;
    if (!layer)
        return;
    if (!layer->frozen) {
        floats_free(layer->kernel);
        floats_free(layer->bias);
    }
    g_free(layer->name);
    g_free(layer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_free)

Network *network_new(int height, int width, int channels)
{
    Network *network = g_new0(Network, 1);
    *network = (Network){{height, width, channels}, g_ptr_array_new_with_free_func(layer_free), FALSE};
    return network;
}

Network *network_outline(int height, int width, int channels)
{
    Network *network = network_new(height, width, channels);
    network->outlined = TRUE;
    return network;
}

void network_free(Network *network)
{
    if (!network)
        return;
    g_ptr_array_unref(network->layers);
    g_free(network);
}

/* Keras's default: the kind, then the kind and _1, _2, … */
static char *default_name(const Network *network, LayerKind kind)
{
    int before = 0;
    for (guint i = 0; i < network->layers->len; i++)
        before += ((const Layer *)network->layers->pdata[i])->kind == kind;
    return before ? g_strdup_printf("%s_%d", kind_names[kind], before) : g_strdup(kind_names[kind]);
}

/* A layer whose input is the network's current output; its output has the same shape until the caller changes it. */
static Layer *layer_new(const Network *network, LayerKind kind, const char *name)
{
    guint n = network->layers->len;
    const int *shape = n ? ((const Layer *)network->layers->pdata[n - 1])->out : network->input;
    Layer *layer = g_new0(Layer, 1);
    layer->kind = kind;
    layer->name = name ? g_strdup(name) : default_name(network, kind);
    memcpy(layer->in, shape, sizeof layer->in);
    memcpy(layer->out, shape, sizeof layer->out);
    return layer;
}

static gboolean refuse(GError **error, const Layer *layer, const char *reason)
{
    g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                "layer %s does not fit an input of %d x %d x %d: %s", layer->name, layer->in[0], layer->in[1],
                layer->in[2], reason);
    return FALSE;
}

static gboolean take_parameters(const Network *network, Layer *layer, gsize kernel_count, gsize bias_count,
                                GError **error)
{
    layer->kernel_count = kernel_count;
    layer->bias_count = bias_count;
    if (network->outlined)
        return TRUE;
    layer->kernel = floats_try_new(kernel_count);
    layer->bias = floats_try_new(bias_count);
    return (layer->kernel && layer->bias) || refuse(error, layer, "not enough memory for its parameters");
}

static Layer *append(Network *network, Layer *layer)
{
    g_ptr_array_add(network->layers, layer);
    return layer;
}

Layer *network_conv2d(Network *network, const char *name, int filters, int size, gboolean same,
                      Activation activation, GError **error)
{
    g_autoptr(Layer) layer = layer_new(network, LAYER_CONV2D, name);
    layer->activation = activation;
    layer->size = size;
    layer->same = same;
    if (size < 1 || size % 2 == 0 || size > 99 || filters < 1 || filters > MAX_UNITS) {
        refuse(error, layer, "it needs an odd kernel size up to 99 and at least one filter");
        return NULL;
    }
    for (int i = 0; i < 2; i++)
        layer->out[i] = same ? layer->in[i] : layer->in[i] - size + 1;
    layer->out[2] = filters;
    if (layer->out[0] < 1 || layer->out[1] < 1) {
        refuse(error, layer, "its kernel is larger than the input");
        return NULL;
    }
    if (!take_parameters(network, layer, (gsize)size * size * layer->in[2] * filters, filters, error))
        return NULL;
    return append(network, g_steal_pointer(&layer));
}

Layer *network_max_pooling2d(Network *network, const char *name, int size, GError **error)
{
    g_autoptr(Layer) layer = layer_new(network, LAYER_MAX_POOLING2D, name);
    layer->size = size;
    if (size < 1 || size > layer->in[0] || size > layer->in[1]) {
        refuse(error, layer, "its window is larger than the input");
        return NULL;
    }
    layer->out[0] = layer->in[0] / size;
    layer->out[1] = layer->in[1] / size;
    return append(network, g_steal_pointer(&layer));
}

Layer *network_global_average_pooling2d(Network *network, const char *name)
{
    Layer *layer = layer_new(network, LAYER_GLOBAL_AVERAGE_POOLING2D, name);
    layer->out[0] = layer->out[1] = 1;
    return append(network, layer);
}

Layer *network_activation(Network *network, const char *name, Activation activation, GError **error)
{
    Layer *layer = layer_new(network, LAYER_ACTIVATION, name);
    layer->activation = activation;
    return append(network, layer);
}

Layer *network_dropout(Network *network, const char *name, float rate, GError **error)
{
    g_autoptr(Layer) layer = layer_new(network, LAYER_DROPOUT, name);
    layer->rate = rate;
    if (!(rate >= 0 && rate < 1)) {
        refuse(error, layer, "its rate must be at least 0 and below 1");
        return NULL;
    }
    return append(network, g_steal_pointer(&layer));
}

Layer *network_flatten(Network *network, const char *name, GError **error)
{
    g_autoptr(Layer) layer = layer_new(network, LAYER_FLATTEN, name);
    gint64 features = (gint64)layer->in[0] * layer->in[1] * layer->in[2];
    if (features > MAX_UNITS) {
        refuse(error, layer, "it would produce more than 2^24 features");
        return NULL;
    }
    layer->out[0] = layer->out[1] = 1;
    layer->out[2] = (int)features;
    return append(network, g_steal_pointer(&layer));
}

Layer *network_unit_normalization(Network *network, const char *name, gboolean root)
{
    Layer *layer = layer_new(network, LAYER_UNIT_NORMALIZATION, name);
    layer->root = root;
    return append(network, layer);
}

Layer *network_dense(Network *network, const char *name, int units, Activation activation, GError **error)
{
    g_autoptr(Layer) layer = layer_new(network, LAYER_DENSE, name);
    layer->activation = activation;
    layer->out[2] = units;
    if (layer->in[0] != 1 || layer->in[1] != 1) {
        refuse(error, layer, "it takes flat vectors: add a flatten layer before it");
        return NULL;
    }
    if (units < 1 || units > MAX_UNITS || layer->in[2] > MAX_UNITS) {
        refuse(error, layer, "it needs 1 to 2^24 units and features");
        return NULL;
    }
    if (!take_parameters(network, layer, (gsize)layer->in[2] * units, units, error))
        return NULL;
    return append(network, g_steal_pointer(&layer));
}

gsize network_parameters(const Network *network)
{
    gsize sum = 0;
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        sum += layer->kernel_count + layer->bias_count;
    }
    return sum;
}

Layer *network_first_dense(const Network *network)
{
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        if (layer->kind == LAYER_DENSE)
            return layer;
    }
    return NULL;
}

int network_outputs(const Network *network)
{
    guint n = network->layers->len;
    const int *shape = n ? ((const Layer *)network->layers->pdata[n - 1])->out : network->input;
    return shape[0] * shape[1] * shape[2];
}

gboolean network_ends_in_softmax(const Network *network)
{
    guint n = network->layers->len;
    return n && ((const Layer *)network->layers->pdata[n - 1])->activation == ACTIVATION_SOFTMAX;
}

gboolean network_is_dense(const Network *network)
{
    for (guint l = 0; l < network->layers->len; l++) {
        const Layer *layer = network->layers->pdata[l];
        if (layer_has_output(layer) && layer->kind != LAYER_DENSE)
            return FALSE;
    }
    return network->layers->len > 0;
}

ConvShape layer_convolution(const Layer *layer)
{
    return (ConvShape){.height = layer->in[0],
                       .width = layer->in[1],
                       .inputs = layer->in[2],
                       .outputs = layer->out[2],
                       .relu = layer->activation == ACTIVATION_RELU,
                       .size = layer->size,
                       .pad = layer->same ? layer->size / 2 : 0,
                       .tile = layer->tile};
}

gboolean layer_has_output(const Layer *layer)
{
    return layer->kind == LAYER_CONV2D || layer->kind == LAYER_MAX_POOLING2D ||
           layer->kind == LAYER_GLOBAL_AVERAGE_POOLING2D || layer->kind == LAYER_UNIT_NORMALIZATION ||
           layer->kind == LAYER_DENSE;
}

gsize layer_inputs(const Layer *layer)
{
    return (gsize)layer->in[0] * layer->in[1] * layer->in[2];
}

gsize layer_outputs(const Layer *layer)
{
    return (gsize)layer->out[0] * layer->out[1] * layer->out[2];
}

void network_initialize(Network *network, guint64 seed)
{
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        if (!layer->kernel)
            continue;
        Rng rng = rng_new(seed, i);
        double taps = layer->kind == LAYER_CONV2D ? layer->size * layer->size : 1;
        double limit = sqrt(6.0 / (taps * ((double)layer->in[2] + layer->out[2])));
        for (gsize p = 0; p < layer->kernel_count; p++)
            layer->kernel[p] = (float)(limit * (2.0 * rng_uniform(&rng) - 1.0));
        memset(layer->bias, 0, layer->bias_count * sizeof(float));
    }
}
