/* executor: runs a network on batches of images: forward for extraction, prediction and training alike, and gradients
 * back through it.
 *
 * Where parameters do not change, convolutions transform their kernels once. Frozen convolutions of wide layers also pool
 * their output themselves, and leading ones run image by image, so that activations stay in cache; narrow layers take the
 * whole batch, so that kernels are read once (conv.h). None of this changes a bit of a frozen layer's result, except that
 * pooling allows only even tiles. Dense layers leave out zeros and can begin the next batch while weights are in cache
 * (dense.h). */
#pragma once
#include "common/arithmetic/conv.h"
#include "common/network/dense.h"
#include "common/network/layers.h"
#include "common/network/network.h"

typedef enum {
    EXECUTOR_PREDICT,  /* forward only; parameters do not change while it exists */
    EXECUTOR_GRADIENT, /* activations are kept; gradients are passed back to the input */
    EXECUTOR_TRAIN,    /* activations are kept; gradients are passed back to `first`; parameters change */
} ExecutorUse;

typedef struct {
    Layer *layer;
    ConvPlan *convolution; /* NULL for other layers */
    Dense dense;           /* of a dense layer */
    gboolean pooled;       /* a pooling that the convolution before it does */
    /* (batch, H, W, C): a former stage's `out`, or the input; NULL if the layer takes the rows by pointer. Kept
     * activations only. */
    float *in;
    float *out; /* (batch, …): separate if the layer has an output, else `in` */
    /* Dense: (D, batch), the input transposed; with EXECUTOR_TRAIN a second one where rows come by pointer, for the next
     * batch */
    float *xt[2];
} Stage;

typedef struct {
    const Network *network;
    ExecutorUse use;
    int batch;
    ThreadPool *thread_pool;
    guint n_stages;
    guint single; /* so many stages at the beginning run image by image */
    guint first;  /* first stage that learns, or n_stages */
    guint last;   /* last stage with an output of its own, or n_stages */
    Stage *stages;
    /* (batch, …): the rows, or what the stages that run image by image make of them; NULL if they are taken by pointer */
    float *joined;
    float *gradients[2];  /* with respect to activations: the output's, and the input's */
    float *bias_gradient; /* of a convolution */
    int ahead;            /* images of the next batch for which stage `first` has run; 0: none */
} Executor;

/* The first shared array of an arena that an executor leaves to others. */
enum { EXECUTOR_SHARED = 7 };

/* Which units are dropped: see dropout in layers.h. */
typedef struct {
    guint64 seed, stream;
} Dropping;

/* batch: the largest number of images. Arrays are taken from the arena; while that measures, all else may only be freed.
 * network and thread pool are borrowed until executor_free, but with EXECUTOR_PREDICT the parameters of convolutions that
 * have plans (conv.h) only during the call. */
Executor *executor_new(Arena *arena, const Network *network, ExecutorUse use, int batch,
                       ThreadPool *thread_pool);
void executor_free(Executor *executor);

/* The outputs (n, …) of the network for n <= batch rows, before softmax. out: where EXECUTOR_PREDICT writes them; else
 * NULL, and they are borrowed until the next call. dropping: NULL for none. A row's result is the same to the bit for any
 * n, batch, place in it and number of threads. */
float *executor_forward(Executor *executor, const float *const *x, int n, const Dropping *dropping,
                        float *out);

/* Transposes the input of a dense stage into xt (D, batch). */
void executor_transpose(Executor *executor, const Stage *stage, const float *in, const float *const *x, int n,
                        float *xt);

/* Passes gradients[0], with respect to the outputs of the forward pass before, back: to the input, or with
 * EXECUTOR_TRAIN to stage `first`. learn: called for each stage that learns, when its input's gradient is there, with the
 * gradient dy with respect to its output before the activation; it may change the parameters. NULL: nothing learns.
 * dropping: as in that pass. Returns the gradient with respect to the input, or NULL with EXECUTOR_TRAIN. */
typedef void (*ExecutorLearn)(Stage *stage, const float *dy, gpointer user);
float *executor_backward(Executor *executor, int n, const Dropping *dropping, ExecutorLearn learn,
                         gpointer user);

/* A convolution as EXECUTOR_PREDICT runs layer i: with the pooling behind it, if they are frozen. */
ConvShape executor_convolution(const Network *network, guint i);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Executor, executor_free)
