/* executor: see executor.h. */
#include "common/network/executor.h"

#include "common/arithmetic/pooling.h"
#include <string.h>

static const Layer *layer_at(const Network *network, guint i)
{
    return network->layers->pdata[i];
}

/* ---- Frozen layers ---- */

ConvShape executor_convolution(const Network *network, guint i)
{
    const Layer *layer = layer_at(network, i),
                *next = i + 1 < network->layers->len ? layer_at(network, i + 1) : NULL;
    ConvShape shape = layer_convolution(layer), pooling = shape;
    pooling.pool = TRUE;
    gboolean pools = layer->frozen && next && next->frozen && next->kind == LAYER_MAX_POOLING2D &&
                     next->size == 2 && !conv_wants_batch(&shape) && shape.tile != 1 &&
                     conv_tile(&pooling, CONV_LARGEST_TILE) > 1;
    return pools ? pooling : shape;
}

static guint leading_singles(const Network *network)
{
    guint i = 0;
    for (; i < network->layers->len && layer_at(network, i)->frozen; i++) {
        const Layer *layer = layer_at(network, i);
        ConvShape shape = layer_convolution(layer);
        if (layer->kind != LAYER_MAX_POOLING2D && (layer->kind != LAYER_CONV2D || conv_wants_batch(&shape)))
            break;
    }
    return i;
}

/* ---- Construction ---- */

static gboolean keeps(const Executor *executor)
{
    return executor->use != EXECUTOR_PREDICT;
}

static gboolean owns_output(const Stage *stage)
{
    return layer_has_output(stage->layer) && !stage->pooled;
}

/* Floats of a stage's output per image. */
static gsize outputs_of(const Executor *executor, guint i)
{
    gboolean pools = i + 1 < executor->n_stages && executor->stages[i + 1].pooled;
    return layer_outputs(executor->stages[i + pools].layer);
}

/* TRUE if a dense stage takes the rows by pointer: only flatten layers precede it. */
static gboolean takes_rows(const Executor *executor)
{
    guint i = 0;
    while (i < executor->n_stages && executor->stages[i].layer->kind == LAYER_FLATTEN)
        i++;
    return i < executor->n_stages && executor->stages[i].layer->kind == LAYER_DENSE;
}

static ConvUse conv_use(const Executor *executor, guint i)
{
    if (executor->use == EXECUTOR_GRADIENT)
        return CONV_BOTH_GRADIENTS;
    return executor->use == EXECUTOR_PREDICT || i < executor->first ? CONV_FORWARD
           : i == executor->first                                   ? CONV_KERNEL_GRADIENT
                                                                    : CONV_BOTH_GRADIENTS;
}

static void find_stages(Executor *executor)
{
    const Network *network = executor->network;
    executor->n_stages = executor->first = executor->last = network->layers->len;
    executor->stages = g_new0(Stage, executor->n_stages + 1);
    executor->single = keeps(executor) ? 0 : leading_singles(network);
    for (guint i = 0; i < executor->n_stages; i++) {
        Stage *stage = &executor->stages[i];
        stage->layer = network->layers->pdata[i];
        stage->pooled = !keeps(executor) && i && stage->layer->kind == LAYER_MAX_POOLING2D &&
                        layer_at(network, i - 1)->kind == LAYER_CONV2D &&
                        executor_convolution(network, i - 1).pool;
        if (owns_output(stage))
            executor->last = i;
        if (executor->first == executor->n_stages && stage->layer->kernel_count && !stage->layer->frozen)
            executor->first = i;
    }
}

/* Shared arrays of the arena. Of the pairs, one array is read while the other is written. */
enum {
    OF_ONE = 1,     /* two: outputs of an image */
    OF_ALL = 3,     /* two: outputs of the batch, or gradients */
    TRANSPOSED = 5, /* the input of a dense stage */
    BIAS_GRADIENT = 6,
};

static void make_convolution(Executor *executor, Arena *arena, guint i)
{
    Stage *stage = &executor->stages[i];
    const Layer *layer = stage->layer;
    ConvShape shape = keeps(executor) ? layer_convolution(layer) : executor_convolution(executor->network, i);
    stage->convolution = conv_plan_new(arena, &shape, conv_use(executor, i), executor->thread_pool);
    if (arena->block && executor->use != EXECUTOR_TRAIN)
        conv_plan_set_weights(stage->convolution, layer->kernel, layer->bias);
    if (keeps(executor))
        executor->bias_gradient = arena_shared(arena, BIAS_GRADIENT, layer->bias_count);
}

static void make_dense(Executor *executor, Arena *arena, guint i)
{
    Stage *stage = &executor->stages[i];
    const Layer *layer = stage->layer;
    gsize floats = (gsize)executor->batch * layer_inputs(layer);
    gboolean trains = executor->use == EXECUTOR_TRAIN, is_first = i == executor->first;
    stage->dense = dense_new(arena, layer->in[2], layer->out[2], executor->batch, !trains || !is_first,
                             executor->thread_pool);
    for (int x = 0; keeps(executor) && x < (trains && is_first && takes_rows(executor) ? 2 : 1); x++)
        stage->xt[x] = arena_floats(arena, floats);
    if (!keeps(executor))
        stage->xt[0] = arena_shared(arena, TRANSPOSED, floats);
}

/* Every stage has its own output. */
static void make_kept_outputs(Executor *executor, Arena *arena)
{
    gsize batch = (gsize)executor->batch, rows = batch * network_inputs(executor->network);
    gboolean whole = executor->use == EXECUTOR_GRADIENT;
    float *now = executor->joined = takes_rows(executor) ? NULL : arena_floats(arena, rows);
    for (guint i = 0; i < executor->n_stages; i++) {
        Stage *stage = &executor->stages[i];
        gsize outputs = batch * layer_outputs(stage->layer);
        stage->in = now;
        if (owns_output(stage))
            now = arena_floats(arena, outputs);
        stage->out = now;
        for (int g = 0; g < 2 && (whole || i >= executor->first); g++)
            executor->gradients[g] = arena_shared(arena, OF_ALL + g, MAX(outputs, whole ? rows : 0));
    }
}

/* Outputs alternate between two arrays: of one image up to the stage `join`, then of the batch. The last one is the
 * caller's. */
static void make_alternating_outputs(Executor *executor, Arena *arena)
{
    guint join = executor->single;
    gboolean copies = !executor->single && !takes_rows(executor);
    gsize batch = (gsize)executor->batch;
    while (join > 0 && !owns_output(&executor->stages[--join]))
        ;
    if (executor->single || copies)
        executor->joined =
            arena_shared(arena, OF_ALL, copies ? batch * network_inputs(executor->network) : 0);
    for (guint i = 0, turn = 0; i < executor->last; i++) {
        if (i == join)
            turn = copies;
        if (owns_output(&executor->stages[i]))
            executor->stages[i].out = arena_shared(arena, (i < join ? OF_ONE : OF_ALL) + (turn++ & 1),
                                                   (i < join ? 1 : batch) * outputs_of(executor, i));
    }
}

Executor *executor_new(Arena *arena, const Network *network, ExecutorUse use, int batch,
                       ThreadPool *thread_pool)
{
    Executor *executor = g_new0(Executor, 1);
    executor->network = network;
    executor->use = use;
    executor->batch = batch;
    executor->thread_pool = thread_pool;
    find_stages(executor);
    for (guint i = 0; i < executor->n_stages; i++)
        if (executor->stages[i].layer->kind == LAYER_CONV2D)
            make_convolution(executor, arena, i);
        else if (executor->stages[i].layer->kind == LAYER_DENSE)
            make_dense(executor, arena, i);
    if (keeps(executor))
        make_kept_outputs(executor, arena);
    else
        make_alternating_outputs(executor, arena);
    return executor;
}

void executor_free(Executor *executor)
{
    if (!executor)
        return;
    for (guint i = 0; i < executor->n_stages; i++)
        conv_plan_free(executor->stages[i].convolution);
    g_free(executor->stages);
    g_free(executor);
}

/* ---- Forward ---- */

void executor_transpose(Executor *executor, const Stage *stage, const float *in, const float *const *x, int n,
                        float *xt)
{
    gsize inputs = layer_inputs(stage->layer);
    g_autofree const float **rows = in ? g_new(const float *, n) : NULL;
    for (int i = 0; in && i < n; i++)
        rows[i] = in + (gsize)i * inputs;
    dense_transpose(&stage->dense, in ? rows : x, n, xt);
}

/* Of the kinds without parameters that have an output of their own: `out` from `in`, or with dy the gradient with respect to
 * `in`, which is not dy. */
static void map_stage(const Executor *executor, const Stage *stage, float *out, const float *dy,
                      const float *in, int n)
{
    const Layer *layer = stage->layer;
    if (layer->kind == LAYER_MAX_POOLING2D && !stage->pooled)
        max_pooling(executor->thread_pool, out, dy, in, n, layer->in, layer->size);
    else if (layer->kind == LAYER_GLOBAL_AVERAGE_POOLING2D)
        average_pooling(executor->thread_pool, out, dy, in, n, layer->in);
    else if (layer->kind == LAYER_UNIT_NORMALIZATION)
        unit_length(executor->thread_pool, out, dy, in, n, layer_inputs(layer), layer->root);
}

/* Everything but dropout. x: the rows, if `in` is NULL. */
static void run_stage(Executor *executor, const Stage *stage, const float *const *x, const float *in,
                      float *out, int n)
{
    const Layer *layer = stage->layer;
    if (stage->convolution) {
        if (executor->use == EXECUTOR_TRAIN)
            conv_plan_set_weights(stage->convolution, layer->kernel, layer->bias);
        conv_plan_run(stage->convolution, in, n, out);
        return;
    }
    map_stage(executor, stage, out, NULL, in, n);
    if (layer->kind == LAYER_DENSE) {
        executor_transpose(executor, stage, in, x, n, stage->xt[0]);
        dense_forward(&stage->dense, (DenseBatch){stage->xt[0], n}, layer->kernel, layer->bias, out);
    }
    if (layer->activation == ACTIVATION_RELU)
        relu(executor->thread_pool, out, NULL, (gsize)n * layer_outputs(layer));
}

/* joined: for the outputs of all images. */
static void run_singles(Executor *executor, const float *const *x, int n, float *joined)
{
    guint join = executor->single - 1;
    while (!owns_output(&executor->stages[join]))
        join--;
    for (int image = 0; image < n; image++) {
        const float *now = x[image];
        for (guint i = 0; i <= join; i++) {
            const Stage *stage = &executor->stages[i];
            if (!owns_output(stage))
                continue;
            float *out = i == join ? joined + (gsize)image * outputs_of(executor, i) : stage->out;
            run_stage(executor, stage, NULL, now, out, 1);
            now = out;
        }
    }
}

static void drop(Executor *executor, guint i, float *x, int n, const Dropping *dropping)
{
    const Layer *layer = executor->stages[i].layer;
    dropout(executor->thread_pool, x, n, layer_outputs(layer), layer->rate, dropping->seed,
            dropping->stream + ((guint64)i << 16));
}

float *executor_forward(Executor *executor, const float *const *x, int n, const Dropping *dropping,
                        float *out)
{
    float *now = executor->last < executor->single ? out : executor->joined;
    g_assert(n >= 0 && n <= executor->batch);
    if (executor->single)
        run_singles(executor, x, n, now);
    for (int i = 0; now && !executor->single && i < n; i++)
        memcpy(now + i * network_inputs(executor->network), x[i],
               network_inputs(executor->network) * sizeof(float));
    for (guint i = executor->single; i < executor->n_stages; i++) {
        Stage *stage = &executor->stages[i];
        float *to = !owns_output(stage) ? now : i == executor->last && out ? out : stage->out;
        if (i == executor->first && executor->ahead) {
            if (stage->layer->activation == ACTIVATION_RELU)
                relu(executor->thread_pool, to, NULL, (gsize)n * layer_outputs(stage->layer));
        } else if (stage->layer->kind == LAYER_DROPOUT && dropping) {
            drop(executor, i, to, n, dropping);
        } else {
            run_stage(executor, stage, x, now, to, n);
        }
        now = to;
    }
    executor->ahead = 0;
    if (out && now != out)
        memcpy(out, now, (gsize)n * (gsize)network_outputs(executor->network) * sizeof(float));
    return now;
}

/* ---- Backward ---- */

/* Turns dy, with respect to a stage's output, into that before its activation, and passes it to dx, with respect to its
 * input; dx NULL: not passed on. */
static void back_stage(Executor *executor, guint i, float *dy, float *dx, int n, const Dropping *dropping)
{
    const Stage *stage = &executor->stages[i];
    const Layer *layer = stage->layer;
    if (stage->convolution)
        conv_plan_bias_gradient(stage->convolution, executor->bias_gradient, dy, stage->out, n);
    else if (layer->activation == ACTIVATION_RELU)
        relu(executor->thread_pool, dy, stage->out, (gsize)n * layer_outputs(layer));
    if (layer->kind == LAYER_DROPOUT && dropping)
        drop(executor, i, dy, n, dropping);
    if (!dx)
        return;
    if (layer->kind == LAYER_DENSE)
        dense_input_gradient(&stage->dense, dy, n, layer->kernel, dx);
    else if (stage->convolution)
        conv_plan_input_gradient(stage->convolution, dx, dy, n);
    else
        map_stage(executor, stage, dx, dy, stage->in, n);
}

float *executor_backward(Executor *executor, int n, const Dropping *dropping, ExecutorLearn learn,
                         gpointer user)
{
    gboolean whole = executor->use == EXECUTOR_GRADIENT;
    guint end = whole ? 0 : executor->first;
    float *dy = executor->gradients[0], *dx = executor->gradients[1];
    for (guint i = executor->n_stages; i-- > end;) {
        Stage *stage = &executor->stages[i];
        back_stage(executor, i, dy, whole || i > end ? dx : NULL, n, dropping);
        if (learn && stage->layer->kernel_count && !stage->layer->frozen)
            learn(stage, dy, user);
        if (layer_has_output(stage->layer)) {
            float *held = dy;
            dy = dx;
            dx = held;
        }
    }
    return whole ? dy : NULL;
}
