/* layers: see layers.h. */
#include "train/dense/layers.h"

#include "common/model/scaling.h"
#include "common/vgg16/vgg16.h"
#include "train/dense/scratch.h"

static gboolean append_head(Network *network, const TrainOptions *options, int classes, GError **error)
{
    const Layer unit = {.kind = LAYER_UNIT_NORMALIZATION, .root = options->scale == SCALE_SQRT};
    g_autoptr(GArray) hidden = train_options_hidden(options->hidden);
    if (!network_flatten(network, NULL, error))
        return FALSE;
    if (approach_traits[options->approach].base_learns && options->scale != SCALE_NONE)
        network_append(network, &unit, NULL);
    for (guint i = 0; i < hidden->len; i++)
        if (!network_dense(network, NULL, g_array_index(hidden, int, i), ACTIVATION_RELU, error))
            return FALSE;
    if (hidden->len && options->dropout > 0 &&
        !network_dropout(network, NULL, (float)options->dropout, error))
        return FALSE;
    return network_dense(network, NULL, classes, ACTIVATION_SOFTMAX, error) != NULL;
}

gboolean layers_append(Network *network, const FeatureSpec *spec, const TrainOptions *options, int classes,
                       GError **error)
{
    if (options->approach == APPROACH_SCRATCH)
        return scratch_layers(network, (float)options->dropout, classes, error);
    return (!approach_traits[options->approach].base_learns ||
            (vgg16_append(network, vgg16_find(spec->layer) + 1, VGG16_LAYERS - 1, error) &&
             vgg16_append_pool(network, options->pool, error))) &&
           append_head(network, options, classes, error);
}
