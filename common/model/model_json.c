/* model_json: see model_json.h. */
#include "common/model/model_json.h"

#include "common/core/error.h"

#include <math.h>
#include <string.h>

enum { MAX_LAYERS = 1000, MAX_SIDE = 1 << 16, MAX_CHANNELS = 1 << 24 };

json_t *layer_settings(const Layer *layer, Activation activates)
{
    const char *activation = choice_name(ACTIVATION_CHOICES, (int)activates);
    switch (layer->kind) {
    case LAYER_CONV2D:
        return json_pack("{s:i, s:i, s:s, s:s}", "filters", layer->out[2], "size", layer->size, "padding",
                         layer->same ? "same" : "valid", "activation", activation);
    case LAYER_MAX_POOLING2D:
        return json_pack("{s:i}", "size", layer->size);
    case LAYER_ACTIVATION:
        return json_pack("{s:s}", "activation", activation);
    case LAYER_DROPOUT:
        return json_pack("{s:f}", "rate", (double)layer->rate);
    case LAYER_UNIT_NORMALIZATION:
        return json_pack("{s:b}", "root", layer->root);
    case LAYER_DENSE:
        return json_pack("{s:i, s:s}", "units", layer->out[2], "activation", activation);
    default:
        return json_object();
    }
}

static json_t *layer_to_json(const Layer *layer)
{
    json_t *settings = layer_settings(layer, layer->activation);
    json_object_set_new(settings, "kind", json_string(layer_kinds[layer->kind].name));
    json_object_set_new(settings, "name", json_string(layer->name));
    return settings;
}

json_t *network_to_json(const Network *network)
{
    json_t *layers = json_array();
    for (guint i = 0; i < network->layers->len; i++)
        json_array_append_new(layers, layer_to_json(network->layers->pdata[i]));
    return json_pack("{s:[i, i, i], s:o}", "input", network->input[0], network->input[1], network->input[2],
                     "layers", layers);
}

/* Checks names and types of the fields; network.h's functions check that the layer fits. */
static gboolean append_layer(Network *network, json_t *entry, GError **error)
{
    const char *kind = NULL, *name = NULL, *activation_name = "linear", *padding = "valid";
    int size = 0, units = 0, filters = 0, root = 0;
    double rate = 0;
    json_error_t wrong;
    int activation, of = 0;
    if (json_unpack_ex(entry, &wrong, JSON_STRICT, "{s:s, s:s, s?s, s?s, s?i, s?i, s?i, s?F, s?b}", "kind",
                       &kind, "name", &name, "activation", &activation_name, "padding", &padding, "size",
                       &size, "units", &units, "filters", &filters, "rate", &rate, "root", &root) != 0)
        return error_set(error, "a layer of the network is invalid: %s", wrong.text);
    if (!*name || strchr(name, '/') || g_str_equal(name, "."))
        return error_set(error, "a layer of the network has an invalid name: %s", name);
    if (network_find(network, name))
        return error_set(error, "two layers of the network have the same name: %s", name);
    if (!choice_parse(ACTIVATION_CHOICES, activation_name, &activation))
        return error_set(error, "the network has an unknown activation: %s", activation_name);
    while (of < LAYER_KINDS && !g_str_equal(kind, layer_kinds[of].name))
        of++;
    const Layer wanted = {.kind = (LayerKind)of,
                          .name = (char *)name,
                          .activation = (Activation)activation,
                          .out = {0, 0, of == LAYER_CONV2D ? filters : units},
                          .size = size,
                          .same = g_str_equal(padding, "same"),
                          .rate = (float)rate,
                          .root = root};
    return of < LAYER_KINDS ? network_append(network, &wanted, error) != NULL
                            : error_set(error, "the network has an unknown kind of layer: %s", kind);
}

Network *network_from_json(json_t *object, GError **error)
{
    int height, width, channels;
    json_t *layers, *entry;
    json_error_t wrong;
    size_t i;
    if (json_unpack_ex(object, &wrong, JSON_STRICT, "{s:[i, i, i], s:o}", "input", &height, &width, &channels,
                       "layers", &layers) != 0)
        return error_null(error, "the network is invalid: %s", wrong.text);
    if (height < 1 || height > MAX_SIDE || width < 1 || width > MAX_SIDE || channels < 1 ||
        channels > MAX_CHANNELS || json_array_size(layers) < 1 || json_array_size(layers) > MAX_LAYERS)
        return error_null(error,
                          "the network is invalid: its input or its number of layers is out of bounds");
    g_autoptr(Network) network = network_new(height, width, channels);
    json_array_foreach(layers, i, entry)
    {
        if (!append_layer(network, entry, error))
            return NULL;
    }
    return network_allocate(network, error) ? g_steal_pointer(&network) : NULL;
}

json_t *scaling_to_json(const Scaling *scaling)
{
    return json_pack("{s:s, s:o*}", "kind", scaling_name(scaling->kind), "max",
                     scaling->kind == SCALE_MAX ? json_real((double)scaling->max) : NULL);
}

Scaling *scaling_from_json(json_t *object, gsize features, GError **error)
{
    const char *name;
    double max = 1;
    json_error_t wrong;
    ScalingKind kind;
    if (json_unpack_ex(object, &wrong, JSON_STRICT, "{s:s, s?F}", "kind", &name, "max", &max) != 0)
        return error_null(error, "the scaling is invalid: %s", wrong.text);
    if (!scaling_parse(name, &kind) || !((float)max > 0) || !isfinite((float)max))
        return error_null(error, "the scaling is unknown or its maximum is not positive: %s", name);
    Scaling *scaling = scaling_new(kind, features);
    scaling->max = (float)max;
    return scaling;
}
