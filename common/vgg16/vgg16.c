/* vgg16: see vgg16.h. */
#include "common/vgg16/vgg16.h"

/* clang-format off */
const Vgg16Layer vgg16_layers[VGG16_ALL] = {
    /* name        conv torch  C    K  shrink */
    {"block1_conv1",  0,   0,   3,  64,  1},
    {"block1_conv2",  1,   2,  64,  64,  1},
    {"block1_pool",  -1,  -1,  64,  64,  2},
    {"block2_conv1",  2,   5,  64, 128,  2},
    {"block2_conv2",  3,   7, 128, 128,  2},
    {"block2_pool",  -1,  -1, 128, 128,  4},
    {"block3_conv1",  4,  10, 128, 256,  4},
    {"block3_conv2",  5,  12, 256, 256,  4},
    {"block3_conv3",  6,  14, 256, 256,  4},
    {"block3_pool",  -1,  -1, 256, 256,  8},
    {"block4_conv1",  7,  17, 256, 512,  8},
    {"block4_conv2",  8,  19, 512, 512,  8},
    {"block4_conv3",  9,  21, 512, 512,  8},
    {"block4_pool",  -1,  -1, 512, 512, 16},
    {"block5_conv1", 10,  24, 512, 512, 16},
    {"block5_conv2", 11,  26, 512, 512, 16},
    {"block5_conv3", 12,  28, 512, 512, 16},
    {"block5_pool",  -1,  -1, 512, 512, 32},
    {"fc1", 13, 0, 7 * 7 * 512, 4096,  0},
    {"fc2", 14, 3,        4096, 4096,  0},
};
/* clang-format on */

gboolean vgg16_append(Network *network, int first, int last, GError **error)
{
    for (int i = first; i <= last; i++) {
        const Vgg16Layer *l = &vgg16_layers[i];
        if (vgg16_is_dense(i) ? (i == VGG16_LAYERS && !network_flatten(network, NULL, error)) ||
                                    !network_dense(network, l->name, l->outputs, ACTIVATION_RELU, error)
            : l->conv < 0 ? !network_max_pooling2d(network, l->name, 2, error)
                          : !network_conv2d(network, l->name, l->outputs, 3, TRUE, ACTIVATION_RELU, error))
            return FALSE;
    }
    return TRUE;
}

Network *vgg16_network(int last, int side)
{
    Network *network = network_new(side, side, 3);
    vgg16_append(network, 0, last, NULL);
    return network;
}

const char *vgg16_pool_name(Pool pool)
{
    return pool == POOL_AVG ? "global_average_pooling2d" : "global_max_pooling2d";
}

gboolean vgg16_append_pool(Network *network, Pool pool, GError **error)
{
    const Layer *last = network->layers->len ? network->layers->pdata[network->layers->len - 1] : NULL;
    const Layer pooling = {
        .kind = pool == POOL_AVG ? LAYER_GLOBAL_AVERAGE_POOLING2D : LAYER_MAX_POOLING2D,
        .name = (char *)vgg16_pool_name(pool),
        .size = last ? last->out[0] : network->input[0],
    };
    return pool == POOL_NONE || network_append(network, &pooling, error);
}

int vgg16_find(const char *name)
{
    for (int i = 0; i < VGG16_ALL; i++)
        if (g_str_equal(vgg16_layers[i].name, name))
            return i;
    return -1;
}

void vgg16_shape(int layer, int side, int shape[3])
{
    shape[0] = shape[1] = vgg16_is_dense(layer) ? 1 : side / vgg16_layers[layer].shrink;
    shape[2] = vgg16_layers[layer].outputs;
}

gboolean vgg16_is_dense(int layer)
{
    return layer >= VGG16_LAYERS;
}

char *vgg16_names(void)
{
    GString *names = g_string_new(NULL);
    for (int i = 0; i < VGG16_ALL; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "", vgg16_layers[i].name);
    return g_string_free(names, FALSE);
}
