/* gradient: how a network's logits depend on its input, for networks that are dense layers behind one another. */
#pragma once
#include "common/network/network.h"

/* FALSE where a layer is a convolution or a pooling, or there is none. */
gboolean network_is_dense(const Network *network);

/* Of n rows x (D floats each, by pointer): logits (n, L), outputs before the softmax, if any; and gradients (n, D) of
 * logit outputs[i] of row i with respect to its input, by backpropagation, dropout left out as in prediction. At a ReLU
 * whose input is exactly 0 the gradient is 0. network_is_dense(network). */
void network_gradients(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                       const int *outputs, float *logits, float *gradients);
