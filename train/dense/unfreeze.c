/* unfreeze: see unfreeze.h. */
#include "train/dense/unfreeze.h"

#include "common/cli/cli.h"
#include "common/core/error.h"

#include <string.h>

void unfreeze_parameters(Network *network, const Weights *weights)
{
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        const Layer *from = network_find(weights->network, layer->name);
        if (!from || !layer->kernel)
            continue;
        memcpy(layer->kernel, from->kernel, layer->kernel_count * sizeof(float));
        memcpy(layer->bias, from->bias, layer->bias_count * sizeof(float));
    }
}

/* Of what the head takes: of the cached features, or by the network behind the layers that learn. */
static Pool pool_before_head(const Model *model)
{
    return model->spec->pool                                         ? model->spec->pool
           : network_find(model->network, vgg16_pool_name(POOL_AVG)) ? POOL_AVG
           : network_find(model->network, vgg16_pool_name(POOL_MAX)) ? POOL_MAX
                                                                     : POOL_NONE;
}

/* The first difference in how images become the base's input and what the base is, as a clause, or NULL. Where the base
 * is cut does not matter, nor does rounding: a start need not be exact to the last bits. */
static char *base_difference(const Model *from, const Model *model)
{
    const FeatureSpec *spec = model->spec;
    g_autoptr(FeatureSpec) its = feature_spec_copy(from->spec), wanted = feature_spec_copy(spec);
    g_free(its->layer);
    its->layer = g_strdup(spec->layer);
    memcpy(its->shape, spec->shape, sizeof its->shape);
    its->pool = pool_before_head(from);
    wanted->pool = pool_before_head(model);
    its->tiles = spec->tiles;
    return feature_spec_difference(its, wanted);
}

static gboolean copy_parameters(Layer *layer, const Layer *from, const char *path, GError **error)
{
    if (!from && layer->kind == LAYER_CONV2D)
        return TRUE; /* frozen there: it keeps the base's weights */
    if (!from || from->kind != layer->kind || memcmp(from->in, layer->in, sizeof layer->in) != 0 ||
        memcmp(from->out, layer->out, sizeof layer->out) != 0 || from->size != layer->size)
        return error_set(error,
                         "%s: cannot start from it: it has no layer %s with %d inputs and %d units; give the "
                         "--hidden it was trained with, none for a linear head",
                         path, layer->name, layer->in[2], layer->out[2]);
    memcpy(layer->kernel, from->kernel, layer->kernel_count * sizeof(float));
    memcpy(layer->bias, from->bias, layer->bias_count * sizeof(float));
    return TRUE;
}

/* A dense layer maps scaled inputs (x - m) s to W'(x - m)s + b = (sW)'x + b - (sW)'m: s and m go into its parameters. */
static void fold_scaling(Layer *layer, const Scaling *scaling)
{
    int units = layer->out[2];
    g_autofree double *shift = g_new0(double, units);
    for (gsize d = 0; d < scaling->features; d++) {
        float *row = layer->kernel + d * (gsize)units;
        float factor = scaling->kind == SCALE_STANDARD ? scaling->inverse[d] : 1 / scaling->max;
        double mean = scaling->kind == SCALE_STANDARD ? scaling->mean[d] : 0;
        for (int k = 0; k < units; k++) {
            row[k] *= factor;
            shift[k] += mean * row[k];
        }
    }
    for (int k = 0; k < units; k++)
        layer->bias[k] -= (float)shift[k];
}

/* A calibrated head's probabilities are the softmax of its outputs over a temperature. */
static void divide_outputs(Network *network, float temperature)
{
    Layer *last = network->layers->pdata[network->layers->len - 1];
    for (gsize p = 0; p < last->kernel_count; p++)
        last->kernel[p] /= temperature;
    for (gsize k = 0; k < last->bias_count; k++)
        last->bias[k] /= temperature;
}

ScalingKind warm_start_scale(const Model *from)
{
    const Layer *unit = network_first(from->network, LAYER_UNIT_NORMALIZATION);
    if (unit)
        return unit->root ? SCALE_SQRT : SCALE_L2;
    return scaling_by_image(from->scaling->kind) ? from->scaling->kind : SCALE_NONE;
}

gboolean warm_start(Model *model, const Model *from, const char *path, GError **error)
{
    Network *network = model->network;
    g_autofree char *difference = base_difference(from, model);
    if (difference)
        return error_set(error, "%s: cannot start from it: %s", path, difference);
    g_autofree char *rounding = feature_spec_rounding_difference(from->spec, model->spec);
    if (rounding)
        cli_remark("%s: %s; training goes on with the latter", path, rounding);
    gboolean same_classes = from->classes->len == model->classes->len;
    for (guint c = 0; same_classes && c < model->classes->len; c++)
        same_classes = g_str_equal(from->classes->pdata[c], model->classes->pdata[c]);
    if (!same_classes)
        return error_set(error, "%s: cannot start from it: its classes differ", path);
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        if (layer->kernel && !copy_parameters(layer, network_find(from->network, layer->name), path, error))
            return FALSE;
    }
    if (from->scaling->kind != SCALE_NONE && !scaling_by_image(from->scaling->kind))
        fold_scaling(network_first(network, LAYER_DENSE), from->scaling);
    if (from->temperature > 0)
        divide_outputs(network, (float)from->temperature);
    if (model->trained_on) {
        trained_on_add_all(model->trained_on, from->trained_on);
        model->trained_on = trained_on_finish(model->trained_on);
    }
    return TRUE;
}
