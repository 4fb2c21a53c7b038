/* vgg16: the table of VGG16's layers, of the base and of the top up to its last ReLU. Shapes, names in weights files, the
 * summary and the possible cuts are all taken from it.
 *
 * Source: Simonyan & Zisserman 2014, configuration D; names as in keras-applications' vgg16.py, indices as in
 * torchvision's vgg16().features and .classifier.
 *
 * Dimension letters, everywhere in this project: N images, H W rows and columns, C input channels, K output channels,
 * D features of an image (25,088 at block5_pool), L classes. Activations are NHWC, kernels HWIO = (3, 3, C, K). */
#pragma once
#include "common/network/network.h"

enum {
    VGG16_SIDE = 224,  /* side of the input image, unless extract --side says otherwise */
    VGG16_LAYERS = 18, /* of the base: 13 convolutions and 5 poolings, without the input */
    VGG16_CONVS = 13,
    VGG16_ALL = 20, /* with the top's fc1 and fc2, which take images of VGG16_SIDE only */
};

typedef struct {
    const char *name; /* Keras: block1_conv1 … block5_pool, fc1, fc2 */
    int conv; /* index of its kernel: 0 … 12 convolutions, 13 and 14 dense; -1: 2x2 max-pooling with stride 2 */
    int torch;   /* N of torchvision's features.N, of the dense ones' classifier.N, or -1 for a pooling */
    int inputs;  /* C */
    int outputs; /* K; equal to C for a pooling */
    int shrink;  /* output side = input image side / shrink; 0: flat */
} Vgg16Layer;

extern const Vgg16Layer vgg16_layers[VGG16_ALL];

/* Appends layers first … last to a network whose output is the first one's input; before a dense one, flatten. */
gboolean vgg16_append(Network *network, int first, int last, GError **error);

/* Layers 0 … last, without parameters, for images (side, side, 3); side: VGG16_SIDE, or a multiple of the last one's shrink. */
Network *vgg16_network(int last, int side);

/* What is taken over all places of a layer's output: nothing, or each channel's mean or largest value, as by `pooling` of
 * Keras's applications. */
typedef enum { POOL_NONE, POOL_AVG, POOL_MAX } Pool;
#define POOL_CHOICES "none|avg|max"

/* Appends it, as a layer named as in Keras (vgg16_pool_name); the output is then (1, 1, C). */
gboolean vgg16_append_pool(Network *network, Pool pool, GError **error);
const char *vgg16_pool_name(Pool pool);

/* Index of the layer with this Keras name, or -1. */
int vgg16_find(const char *name);

/* The layer's output shape (H, W, C) for an image of side x side. */
void vgg16_shape(int layer, int side, int shape[3]);

gboolean vgg16_is_dense(int layer);

/* "block1_conv1, …, fc2": for messages. Caller frees. */
char *vgg16_names(void);
