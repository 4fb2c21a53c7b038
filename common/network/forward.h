/* forward: one layer of a network on a batch, as inference and training both run it. */
#pragma once
#include "common/network/network.h"

/* FALSE where the output is the input, in place: activation, dropout, flatten. */
gboolean layer_has_output(const Layer *layer);
gsize layer_inputs(const Layer *layer); /* floats an image */
gsize layer_outputs(const Layer *layer);

/* out (n, H', W', K) from in (n, H, W, C); out is in for a layer without output of its own. Softmax is left
 * out, so that a last layer gives logits, and so is dropout. xt (D, ld): the input of a dense layer
 * transposed (dense.h). */
void layer_forward(ThreadPool *thread_pool, const Layer *layer, float *out, const float *in, const float *xt,
                   int ld, int n);

/* TRUE where a softmax ends the network. */
gboolean network_ends_in_softmax(const Network *network);
