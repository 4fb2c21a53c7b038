/* tiles: by which of Winograd's tiles each convolution of the base is computed, so that rounding stays small whatever the
 * weights.
 *
 * Large tiles need fewer products and round more (common/arithmetic/conv.h). Where sums cancel, as with kernels of zero
 * mean, what is left is small beside what was rounded, and each layer makes the error of the ones before it larger. So it
 * is measured, on a small image of random patches of all sizes, in which sums cancel as much as in photographs or more:
 *
 *     own error   of each convolution with each tile, on exact inputs
 *     gain        of each layer: by how much it enlarges the relative error of its input
 *     error       at the cut: own errors, each times the gains of all layers after it, added up as squares
 *
 * Errors are relative, of the L2 norm, against convolutions in double. The largest tiles are taken with which the error
 * stays below TILES_ERROR, or three times that of direct convolution in float32 where that is more, with a margin of one
 * half because photographs differ. The choice depends on the weights, the cut and the side alone: it is measured by
 * portable arithmetic, the same to the bit on every machine and with any number of threads. */
#pragma once
#include "common/core/thread_pool.h"
#include "common/vgg16/weights.h"

#define TILES_ERROR 2e-5

typedef struct {
    int m[VGG16_CONVS]; /* of F(m x m), of each convolution up to the cut; 1: directly; 0: behind the cut */
    double error;       /* the error at the cut that was measured with them */
} Tiles;

/* For images of this side, a multiple of the cut's shrink. All m are 0, for the tiles that the shapes have by themselves
 * (base_tile), where the features of the probe are not finite. Takes less than a second on two threads of today, and 30 MB
 * and 10 MB a thread at most. */
Tiles tiles_choose(const Weights *weights, int cut, int side, ThreadPool *thread_pool);
