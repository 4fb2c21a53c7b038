/* network: assembles layers and initialises their parameters; see network.h. */
#include "common/network/network.h"

#include "common/core/error.h"

#include <math.h>
#include <string.h>

enum { MAX_UNITS = 1 << 24 };           /* side, channels, units: no product of three of them overflows */
#define MAX_PARAMETERS ((gsize)1 << 48) /* far above what a user asks for, who is told the memory */

const LayerKindTraits layer_kinds[LAYER_KINDS] = {
    [LAYER_CONV2D] = {"conv2d", "Conv2D", TRUE, TRUE},
    [LAYER_MAX_POOLING2D] = {"max_pooling2d", "MaxPooling2D", TRUE, FALSE},
    [LAYER_GLOBAL_AVERAGE_POOLING2D] = {"global_average_pooling2d", "GlobalAveragePooling2D", TRUE, FALSE},
    [LAYER_ACTIVATION] = {"activation", "Activation", FALSE, TRUE},
    [LAYER_DROPOUT] = {"dropout", "Dropout", FALSE, FALSE},
    [LAYER_FLATTEN] = {"flatten", "Flatten", FALSE, FALSE},
    [LAYER_UNIT_NORMALIZATION] = {"unit_normalization", "UnitNormalization", TRUE, FALSE},
    [LAYER_DENSE] = {"dense", "Dense", TRUE, TRUE},
};

static void layer_free(gpointer data)
{
    Layer *layer = data;
    if (!layer)
        return;
    g_free(layer->name);
    g_free(layer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_free)

Network *network_new(int height, int width, int channels)
{
    Network *network = g_new0(Network, 1);
    *network = (Network){.input = {height, width, channels}};
    network->layers = g_ptr_array_new_with_free_func(layer_free);
    return network;
}

void network_free(Network *network)
{
    if (!network)
        return;
    g_ptr_array_unref(network->layers);
    arena_clear(&network->arena);
    g_free(network);
}

/* Keras's default: the kind, then the kind and _1, _2, … */
static char *default_name(const Network *network, LayerKind kind)
{
    const char *name = layer_kinds[kind].name;
    int before = 0;
    for (guint i = 0; i < network->layers->len; i++)
        before += ((const Layer *)network->layers->pdata[i])->kind == kind;
    return before ? g_strdup_printf("%s_%d", name, before) : g_strdup(name);
}

/* Sets the shape of the output, which is that of the input for kinds that are not named, and the number of parameters.
 * Returns what does not fit, or NULL. */
static const char *fit_shape(Layer *layer)
{
    int *out = layer->out, size = layer->size, units = out[2];
    gint64 features = (gint64)layer_inputs(layer);
    memcpy(out, layer->in, sizeof layer->in);
    switch (layer->kind) {
    case LAYER_CONV2D:
        if (size < 1 || size % 2 == 0 || size > 99 || units < 1 || units > MAX_UNITS)
            return "it needs an odd kernel size up to 99 and at least one filter";
        for (int i = 0; i < 2; i++)
            out[i] -= layer->same ? 0 : size - 1;
        out[2] = units;
        layer->kernel_count = (gsize)size * size * layer->in[2] * units;
        return out[0] < 1 || out[1] < 1 ? "its kernel is larger than the input" : NULL;
    case LAYER_MAX_POOLING2D:
        if (size < 1 || size > out[0] || size > out[1])
            return "its window is larger than the input";
        out[0] /= size;
        out[1] /= size;
        return NULL;
    case LAYER_GLOBAL_AVERAGE_POOLING2D:
        out[0] = out[1] = 1;
        return NULL;
    case LAYER_DROPOUT:
        return layer->rate >= 0 && layer->rate < 1 ? NULL : "its rate must be at least 0 and below 1";
    case LAYER_FLATTEN:
        if (features > MAX_UNITS)
            return "it would produce more than 2^24 features";
        out[0] = out[1] = 1;
        out[2] = (int)features;
        return NULL;
    case LAYER_DENSE:
        if (out[0] != 1 || out[1] != 1)
            return "it takes flat vectors: add a flatten layer before it";
        if (units < 1 || units > MAX_UNITS || out[2] > MAX_UNITS)
            return "it needs 1 to 2^24 units and features";
        out[2] = units;
        layer->kernel_count = (gsize)layer->in[2] * units;
        return NULL;
    default:
        return NULL;
    }
}

Layer *network_append(Network *network, const Layer *wanted, GError **error)
{
    guint n = network->layers->len;
    g_autoptr(Layer) layer = g_memdup2(wanted, sizeof *wanted);
    layer->frozen = FALSE;
    layer->kernel = layer->bias = NULL;
    layer->name = wanted->name ? g_strdup(wanted->name) : default_name(network, wanted->kind);
    memcpy(layer->in, n ? ((const Layer *)network->layers->pdata[n - 1])->out : network->input,
           sizeof layer->in);
    if (!layer_kinds[layer->kind].activates)
        layer->activation = ACTIVATION_LINEAR;
    const char *reason = fit_shape(layer);
    layer->bias_count = layer->kernel_count ? (gsize)layer->out[2] : 0;
    if (!reason && network_parameters(network) + layer->kernel_count > MAX_PARAMETERS)
        reason = "the network would have more than 2^48 parameters";
    if (reason)
        return error_null(error, "layer %s does not fit an input of %d x %d x %d: %s", layer->name,
                          layer->in[0], layer->in[1], layer->in[2], reason);
    g_ptr_array_add(network->layers, layer);
    return g_steal_pointer(&layer);
}

Layer *network_conv2d(Network *network, const char *name, int filters, int size, gboolean same,
                      Activation activation, GError **error)
{
    const Layer wanted = {.kind = LAYER_CONV2D,
                          .name = (char *)name,
                          .activation = activation,
                          .out = {0, 0, filters},
                          .size = size,
                          .same = same};
    return network_append(network, &wanted, error);
}

Layer *network_max_pooling2d(Network *network, const char *name, int size, GError **error)
{
    const Layer wanted = {.kind = LAYER_MAX_POOLING2D, .name = (char *)name, .size = size};
    return network_append(network, &wanted, error);
}

Layer *network_activation(Network *network, const char *name, Activation activation, GError **error)
{
    const Layer wanted = {.kind = LAYER_ACTIVATION, .name = (char *)name, .activation = activation};
    return network_append(network, &wanted, error);
}

Layer *network_dropout(Network *network, const char *name, float rate, GError **error)
{
    const Layer wanted = {.kind = LAYER_DROPOUT, .name = (char *)name, .rate = rate};
    return network_append(network, &wanted, error);
}

Layer *network_flatten(Network *network, const char *name, GError **error)
{
    const Layer wanted = {.kind = LAYER_FLATTEN, .name = (char *)name};
    return network_append(network, &wanted, error);
}

Layer *network_dense(Network *network, const char *name, int units, Activation activation, GError **error)
{
    const Layer wanted = {
        .kind = LAYER_DENSE, .name = (char *)name, .activation = activation, .out = {0, 0, units}};
    return network_append(network, &wanted, error);
}

static void take_parameters(Network *network)
{
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        if (!layer->kernel_count || layer->frozen)
            continue;
        layer->kernel = arena_floats(&network->arena, layer->kernel_count);
        layer->bias = arena_floats(&network->arena, layer->bias_count);
    }
}

gboolean network_allocate(Network *network, GError **error)
{
    take_parameters(network);
    const MemoryNeed need = {.memory = arena_bytes(&network->arena), .address = FLOATS_ALIGNMENT};
    if (!memory_suffices(need) || !arena_try_take(&network->arena))
        return memory_refuse(need, "the network", "free some, or use a machine with more", error);
    take_parameters(network);
    return TRUE;
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

Layer *network_first(const Network *network, LayerKind kind)
{
    guint i = 0;
    while (i < network->layers->len && ((const Layer *)network->layers->pdata[i])->kind != kind)
        i++;
    return i < network->layers->len ? network->layers->pdata[i] : NULL;
}

Layer *network_find(const Network *network, const char *name)
{
    guint i = 0;
    while (i < network->layers->len && !g_str_equal(((const Layer *)network->layers->pdata[i])->name, name))
        i++;
    return i < network->layers->len ? network->layers->pdata[i] : NULL;
}

gsize network_inputs(const Network *network)
{
    return (gsize)network->input[0] * (gsize)network->input[1] * (gsize)network->input[2];
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

int layer_kernel_shape(const Layer *layer, gsize shape[4])
{
    int rank = 0;
    for (int i = 0; i < 2 && layer->kind == LAYER_CONV2D; i++)
        shape[rank++] = (gsize)layer->size;
    shape[rank++] = (gsize)layer->in[2];
    shape[rank++] = (gsize)layer->out[2];
    return rank;
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
