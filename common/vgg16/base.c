/* base: see base.h. */
#include "common/vgg16/base.h"

#include "common/network/executor.h"

void base_freeze(Network *network, const Weights *weights, const int *tiles)
{
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        int of_base = vgg16_find(layer->name), conv = of_base < 0 ? -1 : vgg16_layers[of_base].conv;
        layer->frozen = TRUE;
        if (conv >= 0) {
            layer->tile = tiles && conv < VGG16_CONVS ? tiles[conv] : 0;
            layer->kernel = weights ? weights_layer(weights, of_base)->kernel : NULL;
            layer->bias = weights ? weights_layer(weights, of_base)->bias : NULL;
        }
    }
}

Network *base_network(const Weights *weights, const int *tiles, int cut, int side)
{
    Network *network = vgg16_network(cut, side);
    base_freeze(network, weights, tiles);
    return network;
}

int base_tile(int cut, int side, int conv, int tile, int limit)
{
    int layer = 0;
    while (vgg16_layers[layer].conv != conv)
        layer++;
    if (layer > cut)
        return 0;
    g_autoptr(Network) network = base_network(NULL, NULL, cut, side);
    ConvShape shape = executor_convolution(network, (guint)layer);
    shape.tile = tile;
    return conv_tile(&shape, limit);
}
