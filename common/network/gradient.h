/* gradient: gradients of a network's logits with respect to its input, for networks of dense layers. */
#pragma once
#include "common/network/network.h"

/* FALSE if the network has a convolution or pooling layer, or no layer. */
gboolean network_is_dense(const Network *network);

/* For n rows x (D floats each, by pointer): logits (n, L), the outputs before the softmax, if any; gradients (n, D):
 * of logit outputs[i] of row i with respect to its input, by backpropagation, without dropout as in prediction. The
 * gradient of a ReLU at input 0 is 0. network_is_dense(network) must hold. */
void network_gradients(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                       const int *outputs, float *logits, float *gradients);
