/* conv2d: a convolution on a batch as matrix products, y = x * W + b, stride 1, any odd kernel size, padding same or
 * valid: forward and gradients. x (n, H, W, C), y (n, H', W', K), kernel (size, size, C, K).
 *
 * For the shapes that conv.h does not cover (conv_layer.h). Sums run in an order fixed by the shapes: the same to the
 * bit for any number of threads. */
#pragma once
#include "common/arithmetic/conv.h"

/* With the shape's ReLU, y = max(x * W + b, 0); its pool and tile are ignored. */
void conv2d_forward(ThreadPool *thread_pool, float *y, const float *x, int n, const ConvShape *conv,
                    const float *kernel, const float *bias);

void conv2d_input_gradient(ThreadPool *thread_pool, float *dx, const float *dy, int n, const ConvShape *conv,
                           const float *kernel);

/* For the kernel gradient see im2col_gradient in kernel_gradient.h. */

/* Bytes that each thread allocates during a call. */
gsize conv2d_scratch(const ConvShape *conv);
