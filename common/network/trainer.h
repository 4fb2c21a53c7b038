/* trainer: fits a network with an optimizer, one mini-batch after another.
 *
 * Results depend only on the network, the batches, the optimizer and the seed: they are the same to the bit for any
 * number of threads and in every run on the same machine. */
#pragma once
#include "common/network/executor.h"
#include "common/network/optimizer.h"

/* Borrowed during a call; the rows of a `next` batch also during the following call. */
typedef struct {
    const float *const *x; /* n rows of D floats: rows of a cache are used in place */
    const int *labels;     /* (n) */
    const float *weights;  /* (n) weight of each image's loss; NULL for 1 */
    int n;
    guint64 stream; /* of the dropout's random numbers: a multiple of 2^24, unique per epoch and batch */
} Batch;

enum { BATCH_MAX = 1 << 16 }; /* largest batch */

/* A checkpoint keeps `steps` and `parameters`; the learning rate may be changed between steps. */
typedef struct {
    Network *network;
    Optimizer optimizer;
    guint64 seed, steps; /* steps: done */
    ThreadPool *thread_pool;
    Executor *executor;
    Parameters (*parameters)[2]; /* of each layer: kernel and bias, with their slots */
    float *kernel_gradient;      /* of a convolution */
    const Batch *expected;       /* for which the executor has begun, to check that the caller keeps to it */
    double penalty;              /* of the weights as they are; negative: not computed */
} Trainer;

/* FALSE and error if the network cannot be trained: its last layer, and only that, must end in softmax. */
gboolean trainer_check(const Network *network, GError **error);

/* Arrays are taken from the arena; while that measures, all else may only be freed. network: passes trainer_check; borrowed
 * until trainer_free and changed by every step. batch: the largest number of images in a step. */
Trainer *trainer_new(Arena *arena, Network *network, const Optimizer *optimizer, int batch, guint64 seed,
                     ThreadPool *thread_pool);
void trainer_free(Trainer *trainer);

/* One step: forward, loss, backward, update. next: the batch of the next call, or NULL if unknown; its forward pass
 * begins while the weights are in cache. Returns the sums over this batch before the update; each image's loss includes
 * the penalty of weight decay, as Keras's loss does. */
LossSum trainer_step(Trainer *trainer, const Batch *batch, const Batch *next);

/* The sums over a batch without dropout or update. Not to be called between a step with `next` and the step of that
 * batch. */
LossSum trainer_evaluate(Trainer *trainer, const Batch *batch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trainer, trainer_free)
