/* forward: one layer of a network applied to a batch, for inference and training alike. */
#pragma once
#include "common/arithmetic/conv_layer.h"
#include "common/network/network.h"

/* FALSE if the output is the input, in place: activation, dropout, flatten. */
gboolean layer_has_output(const Layer *layer);
gsize layer_inputs(const Layer *layer); /* floats per image */
gsize layer_outputs(const Layer *layer);

/* A convolution, and what it will be asked for. */
ConvLayerOptions layer_convolution(const Layer *layer, ConvUse use);

/* out (n, H', W', K) from in (n, H, W, C) of any layer but a convolution; out is in for a layer without an output of its
 * own. Softmax is omitted, so that the last layer gives logits, and so is dropout. xt (D, ld): the input of a dense layer
 * transposed (dense.h). */
void layer_forward(ThreadPool *thread_pool, const Layer *layer, float *out, const float *in, const float *xt,
                   int ld, int n);

/* TRUE if the network ends in softmax. */
gboolean network_ends_in_softmax(const Network *network);
