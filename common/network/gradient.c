/* gradient: see gradient.h. */
#include "common/network/gradient.h"

#include "common/core/floats.h"
#include "common/network/dense.h"
#include "common/network/forward.h"
#include "common/network/layers.h"

#include <string.h>

gboolean network_is_dense(const Network *network)
{
    for (guint l = 0; l < network->layers->len; l++) {
        const Layer *layer = network->layers->pdata[l];
        if (layer->kind == LAYER_CONV2D || layer->kind == LAYER_MAX_POOLING2D)
            return FALSE;
    }
    return network->layers->len > 0;
}

/* A batch and the output of each layer. */
typedef struct {
    const Network *network;
    ThreadPool *thread_pool;
    int n;
    float *input;     /* (n, D) */
    float **outputs;  /* per layer: (n, K); a layer that works in place shares that of the layer before */
    float *from, *to; /* (n, widest): the gradient by a layer's output, and by its input */
} Batch;

static void batch_free(Batch *batch)
{
    for (guint l = 0; l < batch->network->layers->len; l++)
        if (layer_has_output(batch->network->layers->pdata[l]))
            floats_free(batch->outputs[l]);
    g_free(batch->outputs);
    floats_free(batch->input);
    floats_free(batch->from);
    floats_free(batch->to);
}

static void forward(Batch *batch)
{
    float *now = batch->input;
    int n = batch->n;
    g_autofree const float **rows = g_new(const float *, n);
    for (guint l = 0; l < batch->network->layers->len; l++) {
        const Layer *layer = batch->network->layers->pdata[l];
        float *out = layer_has_output(layer) ? floats_new(n * layer_outputs(layer)) : now, *xt = NULL;
        if (layer->kind == LAYER_DENSE) {
            xt = floats_new(n * layer_inputs(layer));
            for (int i = 0; i < n; i++)
                rows[i] = now + i * layer_inputs(layer);
            dense_transpose(batch->thread_pool, rows, n, layer->in[2], xt, n);
        }
        layer_forward(batch->thread_pool, layer, out, now, xt, n, n);
        floats_free(xt);
        batch->outputs[l] = now = out;
    }
}

/* batch->from: at first the gradients with respect to the last layer's output, in the end those with respect to the
 * network's input. */
static void backward(Batch *batch)
{
    for (guint l = batch->network->layers->len; l-- > 0;) {
        const Layer *layer = batch->network->layers->pdata[l];
        if (layer->activation == ACTIVATION_RELU)
            relu_backward(batch->thread_pool, batch->from, batch->outputs[l],
                          batch->n * layer_outputs(layer));
        if (layer->kind != LAYER_DENSE)
            continue;
        dense_input_gradient(batch->thread_pool, batch->from, batch->n, layer->in[2], layer->out[2],
                             layer->kernel, batch->to);
        float *swap = batch->from;
        batch->from = batch->to;
        batch->to = swap;
    }
}

void network_gradients(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                       const int *outputs, float *logits, float *gradients)
{
    gsize inputs = (gsize)network->input[0] * network->input[1] * network->input[2], widest = inputs;
    gsize classes = (gsize)network_outputs(network);
    for (guint l = 0; l < network->layers->len; l++)
        widest = MAX(widest, layer_outputs(network->layers->pdata[l]));
    Batch batch = {.network = network, .thread_pool = thread_pool, .n = n};
    batch.input = floats_new(n * inputs);
    batch.outputs = g_new0(float *, network->layers->len + 1);
    batch.from = floats_new(n * widest);
    batch.to = floats_new(n * widest);
    for (int i = 0; i < n; i++)
        memcpy(batch.input + i * inputs, x[i], inputs * sizeof(float));
    forward(&batch);
    memcpy(logits, batch.outputs[network->layers->len - 1], n * classes * sizeof(float));
    for (int i = 0; i < n; i++)
        batch.from[i * classes + (gsize)outputs[i]] = 1;
    backward(&batch);
    memcpy(gradients, batch.from, n * inputs * sizeof(float));
    batch_free(&batch);
}
