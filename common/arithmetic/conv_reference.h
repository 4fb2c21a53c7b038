/* conv_reference: a 3x3 convolution in double precision, by its definition: what the rounding of the fast ways (conv.h)
 * is measured against. Every sum is in the order of HWIO, with no fused multiply-adds: the same bits on every machine,
 * whatever the number of threads. */
#pragma once
#include "common/arithmetic/conv.h"

/* in: (H, W, C); kernel: (3, 3, C, K) HWIO; bias: (K); out: (H, W, K), after ReLU where the shape has it. The shape's
 * pool and tile do not matter here. Aborts where there is no memory: about a megabyte for each thread. */
void conv_reference(const ConvShape *shape, const double *in, const float *kernel, const float *bias,
                    double *out, ThreadPool *thread_pool);
