/* predict: inference, layer by layer on a block of images; see network.h and forward.h. */
#include "common/arithmetic/blas.h"
#include "common/arithmetic/conv_layer.h"
#include "common/arithmetic/pooling.h"
#include "common/core/floats.h"
#include "common/network/dense.h"
#include "common/network/forward.h"
#include "common/network/layers.h"

#include <string.h>

enum { BLOCK = 64 }; /* images at a time */

gboolean layer_has_output(const Layer *layer)
{
    return layer->kind == LAYER_CONV2D || layer->kind == LAYER_MAX_POOLING2D || layer->kind == LAYER_DENSE;
}

gsize layer_inputs(const Layer *layer)
{
    return (gsize)layer->in[0] * layer->in[1] * layer->in[2];
}

gsize layer_outputs(const Layer *layer)
{
    return (gsize)layer->out[0] * layer->out[1] * layer->out[2];
}

gboolean network_ends_in_softmax(const Network *network)
{
    guint n = network->layers->len;
    return n && ((const Layer *)network->layers->pdata[n - 1])->activation == ACTIVATION_SOFTMAX;
}

ConvShape layer_convolution(const Layer *layer)
{
    return (ConvShape){.height = layer->in[0],
                       .width = layer->in[1],
                       .inputs = layer->in[2],
                       .outputs = layer->out[2],
                       .relu = layer->activation == ACTIVATION_RELU,
                       .size = layer->size,
                       .pad = layer->same ? layer->size / 2 : 0};
}

void layer_forward(ThreadPool *thread_pool, const Layer *layer, float *out, const float *in, const float *xt,
                   int ld, int n)
{
    if (layer->kind == LAYER_MAX_POOLING2D) {
        max_pooling_forward(thread_pool, out, in, n, layer->in, layer->size);
    } else if (layer->kind == LAYER_DENSE) {
        dense_forward(thread_pool, xt, n, ld, layer->in[2], layer->out[2], layer->kernel, layer->bias, out);
    }
    if (layer->activation == ACTIVATION_RELU)
        relu_forward(thread_pool, out, n * layer_outputs(layer));
}

/* Buffers for a block of images; activations alternate between the two halves. */
typedef struct {
    float *halves[2];
    float *xt;
    GPtrArray *convolutions; /* ConvLayer *, or NULL for another layer */
    float *scratch;          /* shared by the convolutions */
} Buffers;

/* half and xt: floats per image; scratch: floats, and convolutions: bytes, for any number of images. */
typedef struct {
    gsize half, xt, scratch, convolutions;
} BufferSizes;

static BufferSizes buffer_sizes(const Network *network, guint threads)
{
    gsize inputs = (gsize)network->input[0] * network->input[1] * network->input[2];
    BufferSizes sizes = {.half = inputs, .xt = 1, .scratch = 1};
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        sizes.half = MAX(sizes.half, layer_outputs(layer));
        if (layer->kind == LAYER_DENSE)
            sizes.xt = MAX(sizes.xt, layer_inputs(layer));
        if (layer->kind != LAYER_CONV2D)
            continue;
        ConvShape shape = layer_convolution(layer);
        sizes.scratch = MAX(sizes.scratch, conv_layer_scratch(&shape, CONV_FORWARD, threads));
        sizes.convolutions +=
            conv_layer_memory(&shape, CONV_FORWARD) + threads * conv_layer_heap(&shape, CONV_FORWARD);
    }
    return sizes;
}

static Buffers buffers_new(const Network *network, int n, ThreadPool *thread_pool)
{
    BufferSizes sizes = buffer_sizes(network, thread_pool_threads(thread_pool));
    Buffers buffers = {.convolutions = g_ptr_array_new_with_free_func((GDestroyNotify)conv_layer_free)};
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        ConvLayer *convolution = NULL;
        if (layer->kind == LAYER_CONV2D) {
            ConvShape shape = layer_convolution(layer);
            convolution = conv_layer_new(&shape, CONV_FORWARD, thread_pool);
        }
        g_ptr_array_add(buffers.convolutions, convolution);
    }
    for (int i = 0; i < 2; i++)
        buffers.halves[i] = floats_new(sizes.half * n);
    buffers.xt = floats_new(sizes.xt * n);
    buffers.scratch = floats_new(sizes.scratch);
    return buffers;
}

static void buffers_clear(Buffers *buffers)
{
    floats_free(buffers->halves[0]);
    floats_free(buffers->halves[1]);
    floats_free(buffers->xt);
    floats_free(buffers->scratch);
    g_ptr_array_unref(buffers->convolutions);
}

static void predict_block(const Network *network, ThreadPool *thread_pool, const Buffers *buffers,
                          const float *const *x, int n, float *out)
{
    const float *rows[BLOCK];
    float *now = buffers->halves[0], *other = buffers->halves[1];
    gsize inputs = (gsize)network->input[0] * network->input[1] * network->input[2];
    for (int i = 0; i < n; i++)
        memcpy(now + i * inputs, x[i], inputs * sizeof(float));
    for (guint l = 0; l < network->layers->len; l++) {
        const Layer *layer = network->layers->pdata[l];
        if (layer->kind == LAYER_DENSE) {
            for (int i = 0; i < n; i++)
                rows[i] = now + i * layer_inputs(layer);
            dense_transpose(thread_pool, rows, n, layer->in[2], buffers->xt, n);
        }
        float *to = layer_has_output(layer) ? other : now;
        if (layer->kind == LAYER_CONV2D)
            conv_layer_forward(buffers->convolutions->pdata[l], to, now, n, layer->kernel, layer->bias,
                               buffers->scratch);
        else
            layer_forward(thread_pool, layer, to, now, buffers->xt, n, n);
        other = to == now ? other : now;
        now = to;
    }
    int outputs = network_outputs(network);
    if (network_ends_in_softmax(network))
        softmax(out, now, n, outputs);
    else
        memcpy(out, now, (gsize)n * outputs * sizeof(float));
}

/* Only convolutions need OpenBLAS here. */
static gboolean has_convolution(const Network *network)
{
    for (guint i = 0; i < network->layers->len; i++)
        if (((const Layer *)network->layers->pdata[i])->kind == LAYER_CONV2D)
            return TRUE;
    return FALSE;
}

MemoryNeed network_predict_memory(const Network *network, guint threads, int n)
{
    gsize block = (gsize)MIN(n, BLOCK);
    BufferSizes sizes = buffer_sizes(network, threads);
    MemoryNeed need = {.memory = (block * (2 * sizes.half + sizes.xt) + sizes.scratch) * sizeof(float) +
                                 sizes.convolutions,
                       .address = 4 * FLOATS_ALIGNMENT};
    if (has_convolution(network))
        memory_add(&need, blas_memory(threads));
    return need;
}

void network_predict(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                     float *out)
{
    if (has_convolution(network))
        blas_startup(thread_pool_threads(thread_pool));
    Buffers buffers = buffers_new(network, MIN(n, BLOCK), thread_pool);
    for (int done = 0; done < n; done += BLOCK)
        predict_block(network, thread_pool, &buffers, x + done, MIN(BLOCK, n - done),
                      out + (gsize)done * network_outputs(network));
    buffers_clear(&buffers);
}
