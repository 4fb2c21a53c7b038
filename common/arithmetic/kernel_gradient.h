/* kernel_gradient: methods for the gradient of a convolution with respect to its kernel; private to the files that
 * implement conv_layer.h.
 *
 * dkernel (size, size, C, K) from x (n, H, W, C) and dy (n, H', W', K) of the whole batch. Sums run in an order fixed
 * by the shapes and n: the same to the bit for any number of threads. */
#pragma once
#include "common/arithmetic/conv.h"

typedef struct {
    gsize (*scratch_floats)(const ConvShape *conv, guint threads); /* for any n */
    void (*run)(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                const ConvShape *conv, float *scratch);
} KernelGradient;

/* On Winograd's transformed tiles: dU is the sum of V^T (A dY A^T) over all tiles, and is transformed back once, G^T
 * dU G. For 3x3 and 5x5, C and K multiples of 32. */
extern const KernelGradient winograd_gradient;

/* By its definition. For any shape; for few input channels, K a multiple of 32, fast. */
extern const KernelGradient direct_gradient;
