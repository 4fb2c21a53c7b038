/* layers: see layers.h. */
#include "train/dense/layers.h"

#include "common/model/scaling.h"
#include "common/vgg16/vgg16.h"

/* ---- The study's CNN: 10,588,458 parameters for ten classes ---- */

/* Two convolutions, the first one padded, pooling and dropout. */
typedef struct {
    int filters, size;   /* of both convolutions */
    gboolean activation; /* activation of the second one as a separate layer */
    int pooling;
} Block;

static const Block blocks[] = {
    {32, 3, FALSE, 2},
    {64, 3, FALSE, 2},
    {128, 3, TRUE, 2},
    {512, 5, FALSE, 4},
};

enum { HIDDEN_UNITS = 1024 };

static gboolean append_block(Network *network, const Block *block, float dropout, GError **error)
{
    Activation second = block->activation ? ACTIVATION_LINEAR : ACTIVATION_RELU;
    return network_conv2d(network, NULL, block->filters, block->size, TRUE, ACTIVATION_RELU, error) &&
           network_conv2d(network, NULL, block->filters, block->size, FALSE, second, error) &&
           (!block->activation || network_activation(network, NULL, ACTIVATION_RELU, error)) &&
           network_max_pooling2d(network, NULL, block->pooling, error) &&
           network_dropout(network, NULL, dropout, error);
}

gboolean scratch_layers(Network *network, float dropout, int classes, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++)
        if (!append_block(network, &blocks[i], dropout, error))
            return FALSE;
    return network_flatten(network, NULL, error) &&
           network_dense(network, NULL, HIDDEN_UNITS, ACTIVATION_RELU, error) &&
           network_dropout(network, NULL, dropout, error) &&
           network_dense(network, NULL, classes, ACTIVATION_SOFTMAX, error);
}

/* ---- Each approach ---- */

static gboolean append_head(Network *network, const NetworkChoice *choice, int classes, GError **error)
{
    const Layer unit = {.kind = LAYER_UNIT_NORMALIZATION, .root = choice->scale == SCALE_SQRT};
    g_autoptr(GArray) hidden = train_options_hidden(choice->hidden);
    if (!network_flatten(network, NULL, error))
        return FALSE;
    if (approach_traits[choice->approach].base_learns && choice->scale != SCALE_NONE)
        network_append(network, &unit, NULL);
    for (guint i = 0; i < hidden->len; i++)
        if (!network_dense(network, NULL, g_array_index(hidden, int, i), ACTIVATION_RELU, error))
            return FALSE;
    if (hidden->len && choice->dropout > 0 && !network_dropout(network, NULL, (float)choice->dropout, error))
        return FALSE;
    return network_dense(network, NULL, classes, ACTIVATION_SOFTMAX, error) != NULL;
}

gboolean layers_append(Network *network, const FeatureSpec *spec, const NetworkChoice *choice, int classes,
                       GError **error)
{
    if (choice->approach == APPROACH_SCRATCH)
        return scratch_layers(network, (float)choice->dropout, classes, error);
    return (!approach_traits[choice->approach].base_learns ||
            (vgg16_append(network, vgg16_find(spec->layer) + 1, VGG16_LAYERS - 1, error) &&
             vgg16_append_pool(network, choice->pool, error))) &&
           append_head(network, choice, classes, error);
}
