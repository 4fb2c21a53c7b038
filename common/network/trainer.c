/* trainer: see trainer.h. The executor keeps the activations of every layer from the forward to the backward pass. Kernel
 * gradients of dense layers exist as tiles only (dense.h); those of convolutions are whole, in one array that all share. */
#include "common/network/trainer.h"

#include "common/core/error.h"

gboolean trainer_check(const Network *network, GError **error)
{
    const char *reason = NULL;
    gboolean learns = FALSE;
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        learns |= layer->kernel_count && !layer->frozen;
        if (i + 1 < network->layers->len && layer->activation == ACTIVATION_SOFTMAX)
            reason = "only the last layer may have softmax";
    }
    if (!learns)
        reason = "no layer has parameters";
    else if (!network_ends_in_softmax(network))
        reason = "the last layer must end in softmax";
    if (reason)
        error_set(error, "this network cannot be trained: %s", reason);
    return !reason;
}

static void take_slots(Trainer *trainer, Arena *arena, guint i)
{
    const Layer *layer = trainer->network->layers->pdata[i];
    const gsize counts[] = {layer->kernel_count, layer->bias_count};
    Parameters *parameters = trainer->parameters[i];
    parameters[0] = (Parameters){.w = layer->kernel};
    parameters[1] = (Parameters){.w = layer->bias};
    for (int k = 0; k < 2 && layer->kernel_count && !layer->frozen; k++) {
        if (optimizer_has_m(&trainer->optimizer))
            parameters[k].m = arena_floats(arena, counts[k]);
        if (optimizer_has_v(&trainer->optimizer))
            parameters[k].v = arena_floats(arena, counts[k]);
    }
}

Trainer *trainer_new(Arena *arena, Network *network, const Optimizer *optimizer, int batch, guint64 seed,
                     ThreadPool *thread_pool)
{
    g_return_val_if_fail(batch >= 1 && batch <= BATCH_MAX, NULL);
    Trainer *trainer = g_new(Trainer, 1);
    *trainer = (Trainer){.network = network,
                         .optimizer = *optimizer,
                         .seed = seed,
                         .thread_pool = thread_pool,
                         .penalty = -1,
                         .parameters = g_malloc0_n(network->layers->len + 1, sizeof *trainer->parameters)};
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        take_slots(trainer, arena, i);
        if (layer->kind == LAYER_CONV2D && !layer->frozen)
            trainer->kernel_gradient = arena_shared(arena, EXECUTOR_SHARED, layer->kernel_count);
    }
    trainer->executor = executor_new(arena, network, EXECUTOR_TRAIN, batch, thread_pool);
    return trainer;
}

void trainer_free(Trainer *trainer)
{
    if (!trainer)
        return;
    executor_free(trainer->executor);
    g_free(trainer->parameters);
    g_free(trainer);
}

/* ---- Steps ---- */

/* What a layer learns from. */
typedef struct {
    Trainer *trainer;
    const Batch *batch, *next; /* next: or NULL */
    OptimizerStep step;
} Lesson;

static void learn_dense(const Lesson *lesson, Stage *stage, const Parameters *parameters, const float *dy)
{
    Trainer *trainer = lesson->trainer;
    Executor *executor = trainer->executor;
    const Batch *next = lesson->next;
    const DenseUpdate update = {
        {stage->xt[0], lesson->batch->n}, dy, &lesson->step, parameters[0], parameters[1]};
    DenseBatch ahead = {stage->xt[1], next && stage->xt[1] ? next->n : 0};
    if (ahead.n)
        executor_transpose(executor, stage, NULL, next->x, next->n, stage->xt[1]);
    dense_update(&stage->dense, &update, ahead, stage->out);
    if (!ahead.n)
        return;
    float *held = stage->xt[0];
    stage->xt[0] = stage->xt[1];
    stage->xt[1] = held;
    executor->ahead = next->n;
    trainer->expected = next;
}

static void learn(Stage *stage, const float *dy, gpointer user)
{
    const Lesson *lesson = user;
    Trainer *trainer = lesson->trainer;
    const Layer *layer = stage->layer;
    const Parameters *parameters = trainer->parameters[stage - trainer->executor->stages];
    OptimizerStep bias_step = lesson->step;
    bias_step.decay = 0;
    if (!stage->convolution) {
        learn_dense(lesson, stage, parameters, dy);
        return;
    }
    conv_plan_kernel_gradient(stage->convolution, trainer->kernel_gradient, stage->in, dy, lesson->batch->n);
    optimizer_update(trainer->thread_pool, &lesson->step, layer->kernel_count, trainer->kernel_gradient,
                     &parameters[0]);
    optimizer_update(trainer->thread_pool, &bias_step, layer->bias_count, trainer->executor->bias_gradient,
                     &parameters[1]);
}

/* ---- The L2 penalty ---- */

enum {
    PENALTY_RUN = 1 << 16
}; /* weights summed by a thread at a time: the same sums for any number of threads */

typedef struct {
    const float *w;
    gsize count;
    double *squares; /* of each run */
} SquaresJob;

static void sum_squares(guint run, guint worker, gpointer data)
{
    const SquaresJob *job = data;
    gsize first = (gsize)run * PENALTY_RUN, last = MIN(first + PENALTY_RUN, job->count);
    double sum = 0;
    for (gsize i = first; i < last; i++)
        sum += (double)job->w[i] * job->w[i];
    job->squares[run] = sum;
}

/* decay/2 |w|² over all kernels, for each image of a batch: Keras's loss is the images' mean plus the penalty. */
static double penalty(Trainer *trainer)
{
    if (trainer->optimizer.weight_decay == 0 || trainer->penalty >= 0)
        return MAX(trainer->penalty, 0);
    double sum = 0;
    for (guint i = 0; i < trainer->network->layers->len; i++) {
        const Layer *layer = trainer->network->layers->pdata[i];
        guint runs = layer->frozen ? 0 : parts_of(layer->kernel_count, PENALTY_RUN);
        g_autofree double *squares = g_new(double, runs + 1);
        SquaresJob job = {layer->kernel, layer->kernel_count, squares};
        thread_pool_run(trainer->thread_pool, runs, sum_squares, &job);
        for (guint k = 0; k < runs; k++)
            sum += squares[k];
    }
    trainer->penalty = trainer->optimizer.weight_decay / 2 * sum;
    return trainer->penalty;
}

LossSum trainer_step(Trainer *trainer, const Batch *batch, const Batch *next)
{
    Executor *executor = trainer->executor;
    g_assert(batch->n >= 1 && (!next || next->n <= executor->batch));
    g_assert(!executor->ahead || trainer->expected == batch);
    Dropping dropping = {trainer->seed, batch->stream};
    const float *logits = executor_forward(executor, batch->x, batch->n, &dropping, NULL);
    LossSum sum = cross_entropy(executor->gradients[0], logits, batch->labels, batch->weights, batch->n,
                                network_outputs(trainer->network));
    sum.loss += batch->n * penalty(trainer);
    Lesson lesson = {trainer, batch, next, optimizer_step(&trainer->optimizer, ++trainer->steps)};
    executor_backward(executor, batch->n, &dropping, learn, &lesson);
    trainer->penalty = -1;
    return sum;
}

LossSum trainer_evaluate(Trainer *trainer, const Batch *batch)
{
    g_assert(batch->n >= 1 && !trainer->executor->ahead);
    const float *logits = executor_forward(trainer->executor, batch->x, batch->n, NULL, NULL);
    LossSum sum = cross_entropy(NULL, logits, batch->labels, batch->weights, batch->n,
                                network_outputs(trainer->network));
    sum.loss += batch->n * penalty(trainer);
    return sum;
}
