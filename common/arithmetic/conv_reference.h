/* conv_reference: a 3x3 convolution in double precision, by its definition, against which the rounding errors of conv.h
 * are measured. Sums run in the order of HWIO, without fused multiply-adds: the same bits on every machine and for any
 * number of threads. */
#pragma once
#include "common/arithmetic/conv.h"

/* in: (H, W, C); kernel: (3, 3, C, K) HWIO; bias: (K); out: (H, W, K), after ReLU if the shape has it. The shape's pool
 * and tile are ignored. Allocates about a megabyte per thread, and aborts without it. */
void conv_reference(const ConvShape *shape, const double *in, const float *kernel, const float *bias,
                    double *out, ThreadPool *thread_pool);
