/* winograd: a 3x3 or 5x5 convolution that learns, 'same' or 'valid', by Winograd's minimal filtering in both
 * directions: forward and the gradient by the input through common/arithmetic/conv.h, whose kernels are transformed
 * anew at each call; the gradient by the kernel among transformed tiles, where a position's product is V^T (A dY A^T)
 * and the sum over all tiles goes back once, by G^T dU G. A quarter to an eighth of the multiplications of conv2d.h,
 * whose contract holds here too: sums in an order fixed by the shapes. Relative L2 error to float64: up to 1.1e-5
 * forward and by the input, 6e-6 by the kernel (the tests allow 2e-5 and 1e-5).
 *
 * Dimensions as in conv2d.h: x (n, H, W, C), y (n, H', W', K), kernel (size, size, C, K). */
#pragma once
#include "common/arithmetic/conv2d.h"

typedef struct Winograd Winograd;

/* TRUE where size is 3 or 5, and C and K are multiples of 32. */
gboolean winograd_serves(const Conv2d *conv);

/* For a convolution it serves; thread pool is borrowed until winograd_free. Aborts where there is no memory for
 * winograd_memory bytes. input_gradient: whether winograd_input_gradient will be called. */
Winograd *winograd_new(const Conv2d *conv, gboolean input_gradient, ThreadPool *thread_pool);
void winograd_free(Winograd *winograd); /* NULL allowed */
gsize winograd_memory(const Conv2d *conv, gboolean input_gradient, guint threads);

/* y = x * W + b */
void winograd_forward(Winograd *winograd, float *y, const float *x, int n, const float *kernel,
                      const float *bias);

/* dkernel of the whole batch. */
void winograd_gradient(Winograd *winograd, float *dkernel, const float *x, const float *dy, int n);

void winograd_input_gradient(Winograd *winograd, float *dx, const float *dy, int n, const float *kernel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Winograd, winograd_free)
