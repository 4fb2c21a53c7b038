/* base: VGG16 as a frozen network, from image tensors to the activations of one of its layers. */
#pragma once
#include "common/network/network.h"
#include "common/vgg16/weights.h"

/* Default number of images per call: enough to read the large kernels once for many tiles. */
enum { BASE_DEFAULT_BATCH = 8 };

/* m of F(m x m) for the convolution with this index, for images of this side: the tile up to `limit` with the fewest
 * multiplications, or `tile` if that is not 0 and there is such a one; 1: direct; 0: the convolution is after the cut. */
int base_tile(int cut, int side, int conv, int tile, int limit);

/* Gives the layers of a network (vgg16_append) these weights, which are borrowed as an executor borrows a network's
 * parameters, and tiles; NULL as below. */
void base_freeze(Network *network, const Weights *weights, const int *tiles);

/* The layers up to index `cut` of vgg16_layers, for images (side, side, 3) that are normalised (image_normalize); side: a
 * multiple of the cut's shrink. weights: borrowed; NULL: to measure only.
 * tiles (VGG16_CONVS): m of each convolution, ones that base_tile gives, or 0 for base_tile's without a limit;
 * NULL: all 0. */
Network *base_network(const Weights *weights, const int *tiles, int cut, int side);
