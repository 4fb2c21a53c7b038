/* network: a network like a Keras Sequential, with its parameters: stored in model files, fitted by `train`, run by
 * `evaluate`.
 *
 * Shapes are (H, W, C) per image; a flat vector is (1, 1, D). Kernels have Keras's layout: dense (D, K), convolution
 * HWIO (k, k, C, K). Layer names are Keras's defaults: conv2d, conv2d_1, …, max_pooling2d, dropout, flatten, dense,
 * dense_1, …, or VGG16's (block5_conv3) in a fine-tuned base. */
#pragma once
#include "common/arithmetic/conv.h"
#include "common/core/memory.h"
#include "common/core/rng.h"
#include "common/core/thread_pool.h"

typedef enum {
    LAYER_CONV2D,
    LAYER_MAX_POOLING2D,
    LAYER_GLOBAL_AVERAGE_POOLING2D,
    LAYER_ACTIVATION,
    LAYER_DROPOUT,
    LAYER_FLATTEN,
    LAYER_UNIT_NORMALIZATION,
    LAYER_DENSE
} LayerKind;
enum { LAYER_KINDS = LAYER_DENSE + 1 };

typedef struct {
    const char *name;    /* in model files, and of layers */
    const char *keras;   /* its class */
    gboolean has_output; /* FALSE if it works in place */
    gboolean activates;  /* it has an activation */
} LayerKindTraits;
extern const LayerKindTraits layer_kinds[LAYER_KINDS];

typedef enum { ACTIVATION_LINEAR, ACTIVATION_RELU, ACTIVATION_SOFTMAX } Activation;
#define ACTIVATION_CHOICES "linear|relu|softmax"

typedef struct {
    LayerKind kind;
    char *name;
    Activation activation; /* conv, dense, activation */
    int in[3], out[3];
    int size;      /* conv: side of the kernel; pooling: side and stride of the window */
    gboolean same; /* conv: padding "same" (else "valid") */
    int tile;      /* conv: of Winograd's method (conv.h); 0: the choice of the shape */
    float rate;    /* dropout: fraction of units dropped */
    gboolean root; /* unit normalization: of the square roots (unit_length in layers.h) */
    /* It is never trained. Its kernel and bias, if it has them, are borrowed. */
    gboolean frozen;
    float *kernel; /* conv, dense, once they are allocated, 64-byte aligned; NULL otherwise */
    float *bias;   /* (K) */
    gsize kernel_count, bias_count;
} Layer;

typedef struct {
    int input[3];
    GPtrArray *layers; /* Layer* */
    Arena arena;       /* of the parameters */
} Network;

/* Layers are appended first. Their kernels and biases are NULL, but their counts are set, which is enough for the summary,
 * to measure memory, and where all layers are frozen. */
Network *network_new(int height, int width, int channels);

/* Once all layers are there: zero kernels and biases for those that are not frozen, in one piece of memory. FALSE and
 * error, before any is taken, if there is not enough. */
gboolean network_allocate(Network *network, GError **error);
void network_free(Network *network);

/* Appends a layer like this one, of which kind, activation, size, same, tile, rate and root count, out[2] (conv: filters,
 * dense: units), and name (NULL: Keras's default), and returns it (owned by the network), or NULL and
 * error if it does not fit its input (smaller than the kernel, …). */
Layer *network_append(Network *network, const Layer *wanted, GError **error);

/* The same, for the kinds that are appended most. name: NULL, or borrowed. */
Layer *network_conv2d(Network *network, const char *name, int filters, int size, gboolean same,
                      Activation activation, GError **error);
Layer *network_max_pooling2d(Network *network, const char *name, int size, GError **error);
Layer *network_activation(Network *network, const char *name, Activation activation, GError **error);
Layer *network_dropout(Network *network, const char *name, float rate, GError **error);
Layer *network_flatten(Network *network, const char *name, GError **error);
Layer *network_dense(Network *network, const char *name, int units, Activation activation, GError **error);

gsize network_parameters(const Network *network);
gsize network_inputs(const Network *network); /* D */
int network_outputs(const Network *network);  /* L */

/* The first layer of this kind, or the one of this name; NULL if there is none. */
Layer *network_first(const Network *network, LayerKind kind);
Layer *network_find(const Network *network, const char *name);

/* Like Keras's summary(): layer (type), output shape, parameters, totals. base, if not NULL, is what is before the network
 * and not trained: one row, as Keras shows a nested model. Caller frees. */
char *network_summary(const Network *network, const char *title, const Network *base);

/* Kernels: Glorot uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010), one random stream per layer; biases:
 * zero. */
void network_initialize(Network *network, guint64 seed);

ConvShape layer_convolution(const Layer *layer);

/* Of the kernel of a convolution or dense layer, HWIO or (D, K), and its rank. */
int layer_kernel_shape(const Layer *layer, gsize shape[4]);

static inline gboolean layer_has_output(const Layer *layer)
{
    return layer_kinds[layer->kind].has_output;
}

/* Floats per image. */
static inline gsize layer_inputs(const Layer *layer)
{
    return (gsize)layer->in[0] * (gsize)layer->in[1] * (gsize)layer->in[2];
}

static inline gsize layer_outputs(const Layer *layer)
{
    return (gsize)layer->out[0] * (gsize)layer->out[1] * (gsize)layer->out[2];
}

/* TRUE if the network ends in softmax. */
gboolean network_ends_in_softmax(const Network *network);

/* Inference. x: n rows of D floats, by pointer, so that rows of a cache are used in place; out (n, L), after softmax if
 * the last layer has it. Rows are processed in blocks, so n may be any number. */
void network_predict(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                     float *out);

/* Memory of network_predict for n rows. */
MemoryNeed network_predict_memory(const Network *network, guint threads, int n);

/* FALSE if the network has a convolution or pooling layer, or no layer. */
gboolean network_is_dense(const Network *network);

/* For n rows x: logits (n, L), the outputs before the softmax, if any; gradients (n, D): of logit outputs[i] of row i with
 * respect to its input, without dropout as in prediction. The gradient of a ReLU at input 0 is 0. */
void network_gradients(const Network *network, ThreadPool *thread_pool, const float *const *x, int n,
                       const int *outputs, float *logits, float *gradients);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Network, network_free)
