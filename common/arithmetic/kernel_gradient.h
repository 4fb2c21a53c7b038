/* kernel_gradient: the ways to the gradient of a convolution by its kernel; for the files of conv_layer.h alone.
 *
 * dkernel (size, size, C, K) from x (n, H, W, C) and dy (n, H', W', K) of the whole batch. Sums run in an order that the
 * shapes and n fix: the same to the bit for any number of threads. */
#pragma once
#include "common/arithmetic/conv2d.h"

typedef struct {
    gboolean (*serves)(const Conv2d *conv);
    gsize (*scratch_floats)(const Conv2d *conv, guint threads); /* whatever n */
    void (*run)(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                const Conv2d *conv, float *scratch);
} KernelGradient;

/* Among Winograd's transformed tiles, where a position's product is V^T (A dY A^T) and the sum over all tiles goes back
 * once, by G^T dU G: 3x3 and 5x5, C and K multiples of 32. */
extern const KernelGradient winograd_gradient;

/* By its definition: few input channels, K a multiple of 32. */
extern const KernelGradient direct_gradient;

/* By matrix products over shifted images (conv2d.c): any shape. */
extern const KernelGradient im2col_gradient;
