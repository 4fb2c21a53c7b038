/* conv_layer: a convolution layer of a network, forward and gradients, by the fastest method for its shape.
 *
 * Forward pass and input gradient, which is the convolution of dy with the kernel turned by 180 degrees, are those of
 * conv.h; the methods for the kernel gradient are those of kernel_gradient.h.
 *
 * Sums run in an order fixed by the shapes: the same to the bit for any number of threads. Relative L2 error against
 * float64: up to 1.1e-5 for output and input gradient, 6e-6 for the kernel gradient (the tests allow 2e-5 and 1e-5).
 * NaN stays NaN.
 *
 * x (n, H, W, C), y (n, H', W', K), kernel (size, size, C, K). */
#pragma once
#include "common/arithmetic/conv.h"

typedef enum {
    CONV_FORWARD,
    CONV_KERNEL_GRADIENT,
    CONV_BOTH_GRADIENTS
} ConvUse; /* which of the functions below will be called, apart from forward and bias gradient */

typedef struct ConvLayer ConvLayer;

/* The shape pools only with CONV_FORWARD, and by a tile that can. Memory, scratch and thread pool as for conv_plan_new. */
ConvLayer *conv_layer_new(Arena *arena, const ConvShape *shape, ConvUse use, ThreadPool *thread_pool);
void conv_layer_free(ConvLayer *layer); /* NULL allowed */

/* The kernel, which the input gradient borrows, and the bias of the calls below; to be set again when they have changed. */
void conv_layer_set_weights(ConvLayer *layer, const float *kernel, const float *bias);

/* y = x * W + b, then ReLU and pooling if the shape has them. */
void conv_layer_forward(ConvLayer *layer, float *y, const float *x, int n);

/* Turns dy, the gradient with respect to the output y, into that before ReLU, and sums it to dbias (K). The next two
 * take the resulting dy. */
void conv_layer_bias_gradient(ConvLayer *layer, float *dbias, float *dy, const float *y, int n);

/* dkernel, summed over the batch. */
void conv_layer_kernel_gradient(ConvLayer *layer, float *dkernel, const float *x, const float *dy, int n);

void conv_layer_input_gradient(ConvLayer *layer, float *dx, const float *dy, int n);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConvLayer, conv_layer_free)
