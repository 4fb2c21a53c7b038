/* trainer: see trainer.h. The activations of every layer are kept from the forward to the backward pass; gradients with
 * respect to activations alternate between two arrays. Kernel gradients of dense layers exist as tiles only (dense.h);
 * those of convolutions are whole, in one array that all share. */
#include "common/network/trainer.h"

#include "common/arithmetic/blas.h"
#include "common/arithmetic/conv_layer.h"
#include "common/arithmetic/pooling.h"
#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/network/dense.h"
#include "common/network/forward.h"

#include <string.h>

typedef struct {
    Layer *layer;
    Slots slots;
    /* (batch, H, W, C): a former stage's `out`, or Trainer.input; NULL if the layer takes the batch's rows by pointer */
    float *in;
    float *out; /* (batch, …): separate if layer_has_output, else `in` */
    /* Dense: (D, batch), the input transposed; the second, of stage `first` only, for the next batch */
    float *xt[2];
    ConvLayer *convolution; /* NULL for other layers */
} Stage;

struct Trainer {
    Network *network;
    Optimizer optimizer;
    int batch;
    guint64 seed, steps;
    ThreadPool *thread_pool;
    guint n_stages, first; /* first stage with parameters */
    Stage *stages;
    float *input;        /* (batch, D): the batch's rows; NULL if `first` takes them by pointer */
    float *gradients[2]; /* gradients with respect to activations */
    float *kernel_gradient, *bias_gradient; /* of a convolution */
    float *scratch;                         /* of a convolution */
    int ahead;             /* images of the next batch for which stage `first` has run; 0: none */
    const Batch *expected; /* that batch, to check that the caller keeps to it */
    double penalty;        /* of the weights as they are; negative: not computed */
};

/* ---- Shapes ---- */
static const Layer *layer_at(const Network *network, guint i)
{
    return network->layers->pdata[i];
}

static guint first_with_parameters(const Network *network)
{
    guint i = 0;
    while (i < network->layers->len && !layer_at(network, i)->kernel_count)
        i++;
    return i;
}

/* TRUE if `first` is dense and only flatten layers precede it: then it takes the batch's rows by pointer. */
static gboolean takes_rows(const Network *network)
{
    guint first = first_with_parameters(network);
    for (guint i = 0; i < first; i++)
        if (layer_at(network, i)->kind != LAYER_FLATTEN)
            return FALSE;
    return layer_at(network, first)->kind == LAYER_DENSE;
}

static gboolean check_network(const Network *network, GError **error)
{
    const char *reason = NULL;
    if (first_with_parameters(network) == network->layers->len)
        reason = "no layer has parameters";
    else if (!network_ends_in_softmax(network))
        reason = "the last layer must end in softmax";
    for (guint i = 0; i + 1 < network->layers->len && !reason; i++)
        if (layer_at(network, i)->activation == ACTIVATION_SOFTMAX)
            reason = "only the last layer may have softmax";
    if (reason)
        g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, "this network cannot be trained: %s",
                    reason);
    return !reason;
}

/* The first layer with parameters passes no gradient to its input. */
static ConvUse use_of(const Network *network, guint i)
{
    return i > first_with_parameters(network) ? CONV_BOTH_GRADIENTS : CONV_KERNEL_GRADIENT;
}

/* The largest number of floats per image of any gradient with respect to activations: from the output of `first` on. */
static gsize widest_gradient(const Network *network)
{
    gsize widest = 0;
    for (guint i = first_with_parameters(network); i < network->layers->len; i++)
        widest = MAX(widest, layer_outputs(layer_at(network, i)));
    return widest;
}

/* Floats of the arrays that all convolutions share: the largest that any of them needs. */
typedef struct {
    gsize kernel, bias, scratch;
} Shared;

static Shared largest_convolution(const Network *network, guint threads)
{
    Shared shared = {0};
    for (guint i = 0; i < network->layers->len; i++)
        if (layer_at(network, i)->kind == LAYER_CONV2D) {
            ConvShape shape = layer_convolution(layer_at(network, i));
            shared.kernel = MAX(shared.kernel, layer_at(network, i)->kernel_count);
            shared.bias = MAX(shared.bias, layer_at(network, i)->bias_count);
            shared.scratch = MAX(shared.scratch, conv_layer_scratch(&shape, use_of(network, i), threads));
        }
    return shared;
}

TrainerMemory trainer_memory(const Network *network, const Optimizer *optimizer, int batch, guint threads)
{
    gsize parameters = network_parameters(network), floats = 0, heap = 0, input = 0, plans = 0;
    guint first = first_with_parameters(network);
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = layer_at(network, i);
        floats += layer_has_output(layer) ? batch * layer_outputs(layer) : 0;
        if (layer->kind == LAYER_DENSE) {
            floats += batch * layer_inputs(layer) * (i == first && takes_rows(network) ? 2 : 1);
            heap = MAX(heap, dense_scratch(batch));
            if (i > first)
                input = MAX(input, dense_input_scratch(batch, layer->out[2]));
        } else if (layer->kind == LAYER_CONV2D) {
            ConvShape shape = layer_convolution(layer);
            plans += conv_layer_memory(&shape, use_of(network, i));
            heap = MAX(heap, conv_layer_heap(&shape, use_of(network, i)));
        }
    }
    if (!takes_rows(network))
        floats += batch * layer_inputs(layer_at(network, 0));
    Shared shared = largest_convolution(network, threads);
    floats += shared.kernel + shared.bias + shared.scratch + 2 * batch * widest_gradient(network);
    return (TrainerMemory){
        .parameters = parameters * sizeof(float),
        .slots = parameters * sizeof(float) * (optimizer_has_m(optimizer) + optimizer_has_v(optimizer)),
        .batch = floats * sizeof(float) + plans + input + threads * heap,
    };
}

/* ---- Construction ---- */
static gboolean make_slots(Stage *stage, const Optimizer *optimizer)
{
    const Layer *layer = stage->layer;
    gboolean m = layer->kernel && optimizer_has_m(optimizer), v = layer->kernel && optimizer_has_v(optimizer);
    stage->slots = (Slots){
        .kernel_m = m ? floats_try_new(layer->kernel_count) : NULL,
        .kernel_v = v ? floats_try_new(layer->kernel_count) : NULL,
        .bias_m = m ? floats_try_new(layer->bias_count) : NULL,
        .bias_v = v ? floats_try_new(layer->bias_count) : NULL,
    };
    return (!m || (stage->slots.kernel_m && stage->slots.bias_m)) &&
           (!v || (stage->slots.kernel_v && stage->slots.bias_v));
}

static gboolean make_stage(Trainer *trainer, guint i)
{
    Stage *stage = &trainer->stages[i];
    gboolean by_pointer = takes_rows(trainer->network) && i == trainer->first, complete = TRUE;
    stage->layer = trainer->network->layers->pdata[i];
    stage->in = i ? trainer->stages[i - 1].out : trainer->input;
    stage->out = stage->in;
    if (layer_has_output(stage->layer))
        complete = (stage->out = floats_try_new(trainer->batch * layer_outputs(stage->layer))) != NULL;
    if (stage->layer->kind == LAYER_CONV2D) {
        ConvShape shape = layer_convolution(stage->layer);
        stage->convolution = conv_layer_new(&shape, use_of(trainer->network, i), trainer->thread_pool);
    }
    for (int x = 0; x < (stage->layer->kind == LAYER_DENSE ? 1 + by_pointer : 0); x++)
        complete = (stage->xt[x] = floats_try_new(trainer->batch * layer_inputs(stage->layer))) && complete;
    return make_slots(stage, &trainer->optimizer) && complete;
}

static gboolean make_arrays(Trainer *trainer)
{
    gsize widest = trainer->batch * widest_gradient(trainer->network);
    Shared shared = largest_convolution(trainer->network, thread_pool_threads(trainer->thread_pool));
    trainer->kernel_gradient = floats_try_new(shared.kernel);
    trainer->bias_gradient = floats_try_new(shared.bias);
    trainer->scratch = floats_try_new(shared.scratch);
    trainer->gradients[0] = floats_try_new(widest);
    trainer->gradients[1] = floats_try_new(widest);
    if (!takes_rows(trainer->network))
        trainer->input = floats_try_new(trainer->batch * layer_inputs(layer_at(trainer->network, 0)));
    gboolean complete = trainer->kernel_gradient && trainer->bias_gradient && trainer->scratch &&
                        trainer->gradients[0] && trainer->gradients[1] &&
                        (trainer->input || takes_rows(trainer->network));
    for (guint i = 0; i < trainer->n_stages; i++)
        complete = make_stage(trainer, i) && complete;
    return complete;
}

Trainer *trainer_new(Network *network, const Optimizer *optimizer, int batch, guint64 seed,
                     ThreadPool *thread_pool, GError **error)
{
    g_return_val_if_fail(batch >= 1 && batch <= BATCH_MAX, NULL);
    if (!check_network(network, error))
        return NULL;
    blas_startup(thread_pool_threads(thread_pool));
    g_autoptr(Trainer) trainer = g_new0(Trainer, 1);
    trainer->penalty = -1;
    trainer->network = network;
    trainer->optimizer = *optimizer;
    trainer->batch = batch;
    trainer->seed = seed;
    trainer->thread_pool = thread_pool;
    trainer->n_stages = network->layers->len;
    trainer->first = first_with_parameters(network);
    trainer->stages = g_new0(Stage, trainer->n_stages);
    if (!make_arrays(trainer)) {
        g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                    "not enough memory to train this network; use a smaller --batch-size or fewer units");
        return NULL;
    }
    return g_steal_pointer(&trainer);
}

void trainer_free(Trainer *trainer)
{
    if (!trainer)
        return;
    for (guint i = 0; i < trainer->n_stages; i++) {
        Stage *stage = &trainer->stages[i];
        if (stage->out != stage->in)
            floats_free(stage->out);
        conv_layer_free(stage->convolution);
        floats_free(stage->xt[0]);
        floats_free(stage->xt[1]);
        floats_free(stage->slots.kernel_m);
        floats_free(stage->slots.kernel_v);
        floats_free(stage->slots.bias_m);
        floats_free(stage->slots.bias_v);
    }
    g_free(trainer->stages);
    floats_free(trainer->input);
    floats_free(trainer->gradients[0]);
    floats_free(trainer->gradients[1]);
    floats_free(trainer->kernel_gradient);
    floats_free(trainer->bias_gradient);
    floats_free(trainer->scratch);
    g_free(trainer);
}

/* ---- Forward ---- */
static void transpose_input(Trainer *trainer, Stage *stage, const Batch *batch, float *xt)
{
    gsize inputs = layer_inputs(stage->layer);
    if (!stage->in) {
        dense_transpose(trainer->thread_pool, batch->x, batch->n, (int)inputs, xt, trainer->batch);
        return;
    }
    g_autofree const float **rows = g_new(const float *, batch->n);
    for (int i = 0; i < batch->n; i++)
        rows[i] = stage->in + i * inputs;
    dense_transpose(trainer->thread_pool, rows, batch->n, (int)inputs, xt, trainer->batch);
}

static guint64 dropout_stream(const Batch *batch, guint layer)
{
    return batch->stream + ((guint64)layer << 16);
}

/* Returns the logits (n, L). */
static const float *forward(Trainer *trainer, const Batch *batch, gboolean learning)
{
    if (trainer->input)
        for (int i = 0; i < batch->n; i++)
            memcpy(trainer->input + i * layer_inputs(trainer->stages[0].layer), batch->x[i],
                   layer_inputs(trainer->stages[0].layer) * sizeof(float));
    for (guint i = 0; i < trainer->n_stages; i++) {
        Stage *stage = &trainer->stages[i];
        const Layer *layer = stage->layer;
        if (i == trainer->first && trainer->ahead) {
            if (layer->activation == ACTIVATION_RELU)
                relu_forward(trainer->thread_pool, stage->out, batch->n * layer_outputs(layer));
            continue;
        }
        if (layer->kind == LAYER_DENSE)
            transpose_input(trainer, stage, batch, stage->xt[0]);
        if (layer->kind == LAYER_DROPOUT && learning)
            dropout(trainer->thread_pool, stage->out, batch->n, layer_outputs(layer), layer->rate,
                    trainer->seed, dropout_stream(batch, i));
        else if (stage->convolution)
            conv_layer_forward(stage->convolution, stage->out, stage->in, batch->n, layer->kernel,
                               layer->bias, trainer->scratch);
        else
            layer_forward(trainer->thread_pool, layer, stage->out, stage->in, stage->xt[0], trainer->batch,
                          batch->n);
    }
    trainer->ahead = 0;
    return trainer->stages[trainer->n_stages - 1].out;
}

/* ---- Backward: from dy, the gradient with respect to a stage's output, to dx, with respect to its input ---- */
static void dense_backward(Trainer *trainer, guint i, const Batch *batch, const Batch *next,
                           const OptimizerStep *step, const float *dy, float *dx)
{
    Stage *stage = &trainer->stages[i];
    Layer *layer = stage->layer;
    Slots *slots = &stage->slots;
    DenseUpdate update = {batch->n,        stage->xt[0],    dy,          step,          layer->kernel,
                          slots->kernel_m, slots->kernel_v, layer->bias, slots->bias_m, slots->bias_v};
    if (i > trainer->first)
        dense_input_gradient(trainer->thread_pool, dy, batch->n, layer->in[2], layer->out[2], layer->kernel,
                             dx);
    if (!next || !stage->xt[1]) {
        dense_update(trainer->thread_pool, &update, trainer->batch, layer->in[2], layer->out[2]);
        return;
    }
    transpose_input(trainer, stage, next, stage->xt[1]);
    dense_update_forward(trainer->thread_pool, &update, stage->xt[1], next->n, trainer->batch, layer->in[2],
                         layer->out[2], stage->out);
    float *held = stage->xt[0];
    stage->xt[0] = stage->xt[1];
    stage->xt[1] = held;
    trainer->ahead = next->n;
    trainer->expected = next;
}

static void conv_backward(Trainer *trainer, guint i, const Batch *batch, const OptimizerStep *step, float *dy,
                          float *dx)
{
    Stage *stage = &trainer->stages[i];
    Layer *layer = stage->layer;
    OptimizerStep bias_step = *step;
    bias_step.decay = 0;
    conv_layer_bias_gradient(stage->convolution, trainer->bias_gradient, dy, stage->out, batch->n);
    conv_layer_kernel_gradient(stage->convolution, trainer->kernel_gradient, stage->in, dy, batch->n,
                               trainer->scratch);
    if (i > trainer->first)
        conv_layer_input_gradient(stage->convolution, dx, dy, batch->n, layer->kernel, trainer->scratch);
    optimizer_update(trainer->thread_pool, step, layer->kernel_count, trainer->kernel_gradient, layer->kernel,
                     stage->slots.kernel_m, stage->slots.kernel_v);
    optimizer_update(trainer->thread_pool, &bias_step, layer->bias_count, trainer->bias_gradient, layer->bias,
                     stage->slots.bias_m, stage->slots.bias_v);
}

/* From the gradient with respect to the logits, in gradients[0], back to stage `first`. */
static void backward(Trainer *trainer, const Batch *batch, const Batch *next, const OptimizerStep *step)
{
    float *dy = trainer->gradients[0], *dx = trainer->gradients[1], *held;
    for (guint i = trainer->n_stages; i-- > trainer->first;) {
        Stage *stage = &trainer->stages[i];
        const Layer *layer = stage->layer;
        if (layer->activation == ACTIVATION_RELU &&
            layer->kind != LAYER_CONV2D) /* conv_layer applies it itself */
            relu_backward(trainer->thread_pool, dy, stage->out, batch->n * layer_outputs(layer));
        if (layer->kind == LAYER_DENSE)
            dense_backward(trainer, i, batch, next, step, dy, dx);
        else if (layer->kind == LAYER_CONV2D)
            conv_backward(trainer, i, batch, step, dy, dx);
        else if (layer->kind == LAYER_MAX_POOLING2D)
            max_pooling_backward(trainer->thread_pool, dx, dy, stage->in, batch->n, layer->in, layer->size);
        else if (layer->kind == LAYER_DROPOUT)
            dropout(trainer->thread_pool, dy, batch->n, layer_outputs(layer), layer->rate, trainer->seed,
                    dropout_stream(batch, i));
        if (layer_has_output(layer)) {
            held = dy;
            dy = dx;
            dx = held;
        }
    }
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
    for (guint i = 0; i < trainer->n_stages; i++) {
        const Layer *layer = trainer->stages[i].layer;
        guint runs = (guint)((layer->kernel_count + PENALTY_RUN - 1) / PENALTY_RUN);
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
    g_assert(batch->n >= 1 && batch->n <= trainer->batch && (!next || next->n <= trainer->batch));
    g_assert(!trainer->ahead || trainer->expected == batch);
    const float *logits = forward(trainer, batch, TRUE);
    LossSum sum = cross_entropy(trainer->gradients[0], logits, batch->labels, batch->weights, batch->n,
                                network_outputs(trainer->network));
    sum.loss += batch->n * penalty(trainer);
    OptimizerStep step = optimizer_step(&trainer->optimizer, ++trainer->steps);
    backward(trainer, batch, next, &step);
    trainer->penalty = -1;
    return sum;
}

LossSum trainer_evaluate(Trainer *trainer, const Batch *batch)
{
    g_assert(batch->n >= 1 && batch->n <= trainer->batch && !trainer->ahead);
    const float *logits = forward(trainer, batch, FALSE);
    LossSum sum = cross_entropy(NULL, logits, batch->labels, batch->weights, batch->n,
                                network_outputs(trainer->network));
    sum.loss += batch->n * penalty(trainer);
    return sum;
}

Slots trainer_slots(const Trainer *trainer, guint i)
{
    return trainer->stages[i].slots;
}

guint64 trainer_steps(const Trainer *trainer)
{
    return trainer->steps;
}

void trainer_set_steps(Trainer *trainer, guint64 steps)
{
    trainer->steps = steps;
}

void trainer_set_learning_rate(Trainer *trainer, double rate)
{
    trainer->optimizer.learning_rate = rate;
}
