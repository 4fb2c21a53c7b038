/* forward: one layer of a network applied to a batch, for inference and training alike. */
#pragma once
#include "common/arithmetic/conv_layer.h"
#include "common/network/network.h"

/* FALSE if the layer works in place: activation, dropout, flatten. */
gboolean layer_has_output(const Layer *layer);
gsize layer_inputs(const Layer *layer); /* floats per image */
gsize layer_outputs(const Layer *layer);

ConvShape layer_convolution(const Layer *layer);

/* out (n, H', W', K) from in (n, H, W, C) for any layer except a convolution; out == in if the layer works in place.
 * Softmax is omitted, so that the last layer gives logits, and so is dropout. xt (D, ld): the transposed input of a
 * dense layer (dense.h). */
void layer_forward(ThreadPool *thread_pool, const Layer *layer, float *out, const float *in, const float *xt,
                   int ld, int n);

/* TRUE if the network ends in softmax. */
gboolean network_ends_in_softmax(const Network *network);
