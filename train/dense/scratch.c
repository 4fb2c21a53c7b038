/* scratch: see scratch.h. 10,588,458 parameters for ten classes. */
#include "train/dense/scratch.h"

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
