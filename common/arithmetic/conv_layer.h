/* conv_layer: a convolution layer of a network, forward and its gradients, by the fastest way there is for its shape.
 *
 * Where K is a multiple of 32, forward goes through conv.h: Winograd's tiles, or directly where the input channels are
 * few. So does, where C is such a multiple, the gradient by the input: it is the convolution of dy with the kernel
 * turned by half a circle. The ways to the gradient by the kernel are those of kernel_gradient.h. Any other shape is a
 * matrix product (conv2d.h).
 *
 * Sums run in an order fixed by the shapes: the same to the bit for any number of threads. Relative L2 error to float64:
 * up to 1.1e-5 forward and by the input, 6e-6 by the kernel (the tests allow 2e-5 and 1e-5). NaN stays NaN.
 *
 * Dimensions as in conv2d.h: x (n, H, W, C), y (n, H', W', K), kernel (size, size, C, K). */
#pragma once
#include "common/arithmetic/conv2d.h"

typedef enum {
    CONV_FORWARD,
    CONV_KERNEL_GRADIENT,
    CONV_BOTH_GRADIENTS
} ConvUse; /* what a layer will be asked for */

typedef struct {
    Conv2d conv;
    gboolean relu; /* of the output */
    ConvUse use;
} ConvLayerOptions;

typedef struct ConvLayer ConvLayer;

/* Thread pool is borrowed until conv_layer_free. Aborts where there is no memory for conv_layer_memory bytes. */
ConvLayer *conv_layer_new(const ConvLayerOptions *options, ThreadPool *thread_pool);
void conv_layer_free(ConvLayer *layer); /* NULL allowed */
gsize conv_layer_memory(const ConvLayerOptions *options);

/* Floats (of floats_new) that the calls below use for a while, and bytes that each thread takes from the heap. Layers that
 * run one after the other may share the former. */
gsize conv_layer_scratch(const ConvLayerOptions *options, guint threads);
gsize conv_layer_heap(const ConvLayerOptions *options);

/* y = x * W + b, and ReLU of that. */
void conv_layer_forward(ConvLayer *layer, float *y, const float *x, int n, const float *kernel,
                        const float *bias, float *scratch);

/* dy, the gradient by the output, becomes the one before ReLU, y being the output; dbias (K): its sum. The next two take
 * that dy. */
void conv_layer_bias_gradient(ConvLayer *layer, float *dbias, float *dy, const float *y, int n);

/* dkernel of the whole batch. */
void conv_layer_kernel_gradient(ConvLayer *layer, float *dkernel, const float *x, const float *dy, int n,
                                float *scratch);

void conv_layer_input_gradient(ConvLayer *layer, float *dx, const float *dy, int n, const float *kernel,
                               float *scratch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConvLayer, conv_layer_free)
