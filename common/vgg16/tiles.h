/* tiles: by which of Winograd's tiles each convolution of the base is computed, so that rounding stays small whatever the
 * weights.
 *
 * Large tiles need fewer products and round more: with m the transforms' terms grow, and cancel in the end (Lavin & Gray 2016,
 * "Fast Algorithms for Convolutional Neural Networks", CVPR, and Barabasz et al. 2020, "Error Analysis and Improving the
 * Accuracy of Winograd Convolution for Deep Neural Networks", ACM TOMS 46(4), which bounds the error of one convolution; over
 * layers, that bound is too loose to choose by). Where sums cancel, as with kernels of zero mean, what is left is small
 * beside what was rounded, and each layer makes the error of the ones before it larger. So it is measured, on a small image
 * of random patches of all sizes, in which sums cancel about as much as in photographs:
 *
 *     own error   of each convolution with each tile, on exact inputs
 *     gain        of each layer: by how much it enlarges the relative error of its input
 *     error       at the cut: own errors, each times the gains of all layers after it, added up as squares
 *
 * Errors are relative, of the L2 norm, against convolutions in double. The largest tiles are taken with which the error
 * stays below TILES_ERROR, or three times that of direct convolution in float32 where that is more, with a margin of 1.75,
 * because images differ. tests/unit/vgg16/test_base.c holds the whole with three kinds of weights. The choice depends on the weights,
 * the cut and the side alone: it is measured by portable arithmetic, the same to the bit on every machine and with any number
 * of threads. */
#pragma once
#include "common/core/thread_pool.h"
#include "common/vgg16/weights.h"

#define TILES_ERROR 2e-5

typedef struct {
    int m[VGG16_CONVS]; /* of F(m x m), of each convolution up to the cut; 1: directly; 0: behind the cut */
    double error;       /* the error at the cut that was measured with them */
} Tiles;

/* For images of this side, a multiple of the cut's shrink. All m are 0, for the tiles that the shapes have by themselves
 * (base_tile), where the features of the probe are not finite. Takes 0.4 to 0.7 s of processor time of today with AVX2 or
 * AVX-512, 0.8 to 1.2 s with SSE2, shared by all threads; and 30 MB and 10 MB a thread at most. */
Tiles tiles_choose(const Weights *weights, int cut, int side, ThreadPool *thread_pool);
