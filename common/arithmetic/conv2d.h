/* conv2d: a convolution layer on a batch as matrix products, y = x * W + b, stride 1, any odd kernel size,
 * padding same or valid: forward and gradients. x (n, H, W, C), y (n, H', W', K), kernel (size, size, C, K).
 *
 * For training, where every kernel size and both directions are wanted; the frozen VGG16 base has faster ways
 * of its own (common/base). Sums run in an order fixed by the shapes: the same to the bit for any number of
 * threads. */
#pragma once
#include "common/core/thread_pool.h"

typedef struct {
    int in[3], out[3]; /* H W C, H' W' K */
    int size;
    gboolean same;
} Conv2d;

void conv2d_forward(ThreadPool *thread_pool, float *y, const float *x, int n, const Conv2d *conv,
                    const float *kernel, const float *bias);

/* dkernel (size, size, C, K) and dbias (K) of the whole batch. */
void conv2d_gradient(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                     const Conv2d *conv);
void conv2d_bias_gradient(ThreadPool *thread_pool, float *dbias, const float *dy, int n, const Conv2d *conv);

void conv2d_input_gradient(ThreadPool *thread_pool, float *dx, const float *dy, int n, const Conv2d *conv,
                           const float *kernel);

/* Bytes that a thread takes from the heap during a call. */
gsize conv2d_scratch(const Conv2d *conv);
