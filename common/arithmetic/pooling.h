/* pooling: max-pooling of activations (n, H, W, C) and its gradient, in windows of size x size with stride size;
 * leftover rows and columns are ignored; and the average over all places. For inference and training; conv.h can also pool
 * its output tiles itself. */
#pragma once
#include "common/core/thread_pool.h"

/* out: y (n, H / size, W / size, C), the largest of each window of x (n, H, W, C); in: H W C, H and W at least size. With
 * dy, shaped like y: dx, shaped like x; the gradient goes to the largest input of each window, the first of equal ones row
 * by row; all others get 0. */
void max_pooling(ThreadPool *thread_pool, float *out, const float *dy, const float *x, int n, const int in[3],
                 int size);

/* out: y (n, C), the mean of x (n, H, W, C) over all places, summed in their order; in: H W C. With dy, shaped like y: dx,
 * shaped like x. */
void average_pooling(ThreadPool *thread_pool, float *out, const float *dy, const float *x, int n,
                     const int in[3]);

/* The inner loop, part of each instruction set's table (kernels.h); all give the same bits. */
typedef struct {
    /* The largest value of each channel over size x size pixels starting at x, with pixels `pixel` floats apart and
     * lines `line` floats apart; the first of equal ones. */
    void (*largest_of_window)(const float *x, gsize line, gsize pixel, int size, int channels,
                              float *largest);
} PoolingKernels;
