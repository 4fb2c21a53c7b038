/* tiles: chooses Winograd's tile for each convolution of the base, so that rounding errors stay small for any weights.
 *
 * Large tiles need fewer multiplications but have larger rounding errors: the terms of the transforms grow with m, and cancel
 * (Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks", CVPR, and Barabasz et al. 2020, "Error Analysis
 * and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", ACM TOMS 46(4), which bounds the error of
 * one convolution; over several layers the bound is too loose for this choice). Where sums cancel, as with zero-mean kernels,
 * the result is small relative to the rounded terms, and each layer amplifies the errors of those before it. So the errors
 * are measured, on a small image of random patches of all sizes, in which sums cancel about as much as in photographs:
 *
 *     own error   of each convolution with each tile, on exact inputs
 *     gain        of each layer: the factor by which it amplifies the relative error of its input
 *     error       at the cut: own errors, each times the gains of all later layers, combined as the root of the sum of squares
 *
 * Errors are relative, in the L2 norm, against convolutions in double. The largest tiles are chosen whose error is below
 * TILES_ERROR, or below three times that of direct convolution in float32 if that is larger, with a safety factor of 1.75 as
 * images differ; tests/unit/vgg16/test_base.c checks this for three kinds of weights. The choice depends only on the weights,
 * the cut and the side: it is measured by portable arithmetic, with the same bits on every machine and for any number of
 * threads. */
#pragma once
#include "common/core/thread_pool.h"
#include "common/vgg16/weights.h"

#define TILES_ERROR 2e-5

typedef struct {
    int m[VGG16_CONVS]; /* of F(m x m), for each convolution up to the cut; 1: direct; 0: after the cut */
    double error;       /* measured at the cut with these tiles */
} Tiles;

/* For images of this side, a multiple of the cut's shrink. If the features of the measured image are not finite, all
 * m are 0, for the tiles of the shapes (base_tile). Takes 0.4 to 0.7 s of processor time with AVX2 or AVX-512, 0.8 to
 * 1.2 s with SSE2, divided between all threads; and at most 30 MB, and what one of the convolutions takes. */
Tiles tiles_choose(const Weights *weights, int cut, int side, ThreadPool *thread_pool);
