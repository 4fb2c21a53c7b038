/* conv_layer: see conv_layer.h. */
#include "common/arithmetic/conv_layer.h"

#include "common/arithmetic/conv2d.h"
#include "common/arithmetic/conv_plan.h"
#include "common/arithmetic/kernel_gradient.h"
#include "common/core/floats.h"

enum {
    BIAS_GROUPS = 16,   /* groups of images, whose sums are added up in order */
    DIRECT_INPUTS = 32, /* C from which a matrix product is faster than the direct method */
};

struct ConvLayer {
    ConvShape shape;
    ThreadPool *thread_pool;
    ConvPlan *forward, *backward; /* NULL: matrix products; backward: from K to C channels */
    const float *kernel, *bias;   /* as set */
    const KernelGradient *kernel_gradient;
};

/* ---- Choice of the method ---- */

static gboolean has_plan(const ConvShape *shape)
{
    if (shape->outputs % CONV_OUTPUTS != 0)
        return FALSE;
    if (shape->tile == 1)
        return TRUE;
    return shape->inputs % 16 ? shape->inputs < DIRECT_INPUTS
                              : conv_fewest_products(shape, CONV_LARGEST_TILE) != NULL;
}

/* The input gradient: every input pixel sums over all output pixels that depend on it. */
static ConvShape backward_shape(const ConvShape *forward)
{
    return (ConvShape){.height = conv_output_side(forward->height, forward),
                       .width = conv_output_side(forward->width, forward),
                       .inputs = forward->outputs,
                       .outputs = forward->inputs,
                       .size = forward->size,
                       .pad = forward->size - 1 - forward->pad};
}

static gboolean plans_backward(const ConvShape *backward, ConvUse use)
{
    return use == CONV_BOTH_GRADIENTS && has_plan(backward);
}

static const KernelGradient *kernel_gradient_of(const ConvShape *conv)
{
    const KernelGradient *ways[] = {&winograd_gradient, &direct_gradient, &im2col_gradient};
    int i = 0;
    while (!ways[i]->serves(conv))
        i++;
    return ways[i];
}

gsize conv_layer_scratch(const ConvShape *shape, ConvUse use, guint threads)
{
    ConvShape backward = backward_shape(shape);
    gsize floats = has_plan(shape) ? conv_scratch_floats(shape, threads) : 0;
    if (use != CONV_FORWARD)
        floats = MAX(floats, kernel_gradient_of(shape)->scratch_floats(shape, threads));
    if (plans_backward(&backward, use)) /* the flipped kernel comes first */
        floats = MAX(floats, conv_whole_lines(conv_weights(shape)) + conv_scratch_floats(&backward, threads));
    return floats;
}

gsize conv_layer_heap(const ConvShape *shape, ConvUse use)
{
    ConvShape backward = backward_shape(shape);
    gboolean all_planned = has_plan(shape) &&
                           (use == CONV_FORWARD || kernel_gradient_of(shape) != &im2col_gradient) &&
                           (use != CONV_BOTH_GRADIENTS || has_plan(&backward));
    return all_planned ? 0 : conv2d_scratch(shape);
}

ConvLayer *conv_layer_new(Arena *arena, const ConvShape *shape, ConvUse use, ThreadPool *thread_pool)
{
    ConvShape backward = backward_shape(shape);
    ConvLayer *layer = g_new0(ConvLayer, 1);
    layer->shape = *shape;
    layer->thread_pool = thread_pool;
    layer->kernel_gradient = kernel_gradient_of(shape);
    if (has_plan(shape))
        layer->forward = conv_plan_new(arena, shape, thread_pool);
    if (plans_backward(&backward, use))
        layer->backward = conv_plan_new(arena, &backward, thread_pool);
    return layer;
}

void conv_layer_free(ConvLayer *layer)
{
    if (!layer)
        return;
    conv_plan_free(layer->forward);
    conv_plan_free(layer->backward);
    g_free(layer);
}

/* ---- Forward ---- */

void conv_layer_set_weights(ConvLayer *layer, const float *kernel, const float *bias)
{
    layer->kernel = kernel;
    layer->bias = bias;
    if (layer->forward)
        conv_plan_set_weights(layer->forward, kernel, bias);
}

void conv_layer_forward(ConvLayer *layer, float *y, const float *x, int n, float *scratch)
{
    if (layer->forward)
        conv_plan_run(layer->forward, x, n, y, scratch);
    else
        conv2d_forward(layer->thread_pool, y, x, n, &layer->shape, layer->kernel, layer->bias);
}

/* ---- Gradients ---- */

typedef struct {
    const ConvLayer *layer;
    int n;
    guint groups;
    float *dy;
    const float *y;
    double *sums; /* (groups, K) */
} BiasGradient;

/* Sums within a row in float, over rows in double. */
static void bias_group(guint group, guint worker, gpointer data)
{
    const BiasGradient *b = data;
    const ConvShape *shape = &b->layer->shape;
    gsize outputs = shape->outputs, height = conv_output_side(shape->height, shape),
          width = conv_output_side(shape->width, shape);
    gsize begin = part_start((guint)b->n, b->groups, group) * height,
          end = part_start((guint)b->n, b->groups, group + 1) * height;
    double *sums = b->sums + group * outputs;
    g_autofree float *row_sums = g_new(float, outputs);
    for (gsize row = begin; row < end; row++) {
        for (gsize k = 0; k < outputs; k++)
            row_sums[k] = 0;
        for (gsize pixel = row * width; pixel < (row + 1) * width; pixel++) {
            float *dy = b->dy + pixel * outputs;
            const float *y = b->y + pixel * outputs;
            for (gsize k = 0; shape->relu && k < outputs; k++)
                dy[k] = y[k] > 0 ? dy[k] : 0;
            for (gsize k = 0; k < outputs; k++)
                row_sums[k] += dy[k];
        }
        for (gsize k = 0; k < outputs; k++)
            sums[k] += row_sums[k];
    }
}

void conv_layer_bias_gradient(ConvLayer *layer, float *dbias, float *dy, const float *y, int n)
{
    gsize outputs = layer->shape.outputs;
    guint groups = (guint)MIN(n, BIAS_GROUPS);
    g_autofree double *sums = g_new0(double, groups *outputs);
    BiasGradient gradient = {layer, n, groups, dy, y, sums};
    thread_pool_run(layer->thread_pool, groups, bias_group, &gradient);
    for (gsize k = 0; k < outputs; k++) {
        double sum = 0;
        for (guint group = 0; group < groups; group++)
            sum += sums[group * outputs + k];
        dbias[k] = (float)sum;
    }
}

void conv_layer_kernel_gradient(ConvLayer *layer, float *dkernel, const float *x, const float *dy, int n,
                                float *scratch)
{
    layer->kernel_gradient->run(layer->thread_pool, dkernel, x, dy, n, &layer->shape, scratch);
}

typedef struct {
    const ConvShape *conv;
    const float *kernel;
    float *flipped; /* (size, size, K, C) */
} Flip;

enum { SQUARE = 16 };

/* Transposes in squares that fit into the L1 cache. */
static void flip_tap(guint tap, guint worker, gpointer data)
{
    const Flip *flip = data;
    gsize inputs = flip->conv->inputs, outputs = flip->conv->outputs,
          taps = (gsize)flip->conv->size * flip->conv->size;
    const float *from = flip->kernel + tap * inputs * outputs;
    float *to = flip->flipped + (taps - 1 - tap) * inputs * outputs;
    for (gsize c0 = 0; c0 < inputs; c0 += SQUARE)
        for (gsize k = 0; k < outputs; k++)
            for (gsize c = c0; c < MIN(c0 + SQUARE, inputs); c++)
                to[k * inputs + c] = from[c * outputs + k];
}

void conv_layer_input_gradient(ConvLayer *layer, float *dx, const float *dy, int n, float *scratch)
{
    if (!layer->backward) {
        conv2d_input_gradient(layer->thread_pool, dx, dy, n, &layer->shape, layer->kernel);
        return;
    }
    Flip flip = {&layer->shape, layer->kernel, scratch};
    thread_pool_run(layer->thread_pool, (guint)(layer->shape.size * layer->shape.size), flip_tap, &flip);
    conv_plan_set_weights(layer->backward, scratch, NULL);
    conv_plan_run(layer->backward, dy, n, dx, scratch + conv_whole_lines(conv_weights(&layer->shape)));
}
