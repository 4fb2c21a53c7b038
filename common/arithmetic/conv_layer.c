/* conv_layer: see conv_layer.h. */
#include "common/arithmetic/conv_layer.h"

#include "common/arithmetic/conv_plan.h"
#include "common/arithmetic/kernel_gradient.h"
#include "common/core/floats.h"

enum {
    BIAS_GROUPS = 16,   /* groups of images, whose sums are added up in order */
    DIRECT_INPUTS = 32, /* C from which a matrix product is faster than the direct method */
};

struct ConvLayer {
    Conv2d conv;
    gboolean relu;
    ThreadPool *thread_pool;
    ConvPlan *forward, *backward; /* NULL: matrix products; backward: from K to C channels */
    const KernelGradient *kernel_gradient;
};

/* ---- Choice of the method ---- */

static gboolean has_plan(const ConvShape *shape)
{
    return shape->outputs % CONV_OUTPUTS == 0 &&
           (shape->inputs % 16 ? shape->inputs < DIRECT_INPUTS
                               : conv_fewest_products(shape, CONV_LARGEST_TILE) != NULL);
}

ConvShape conv2d_forward_shape(const Conv2d *conv)
{
    return (ConvShape){.height = conv->in[0],
                       .width = conv->in[1],
                       .inputs = conv->in[2],
                       .outputs = conv->out[2],
                       .size = conv->size,
                       .pad = conv2d_pad(conv)};
}

/* The input gradient: every input pixel sums over all output pixels that depend on it. */
static ConvShape backward_shape(const Conv2d *conv)
{
    return (ConvShape){.height = conv->out[0],
                       .width = conv->out[1],
                       .inputs = conv->out[2],
                       .outputs = conv->in[2],
                       .size = conv->size,
                       .pad = conv->size - 1 - conv2d_pad(conv)};
}

static ConvShape forward_shape(const ConvLayerOptions *options)
{
    ConvShape shape = conv2d_forward_shape(&options->conv);
    shape.relu = options->relu;
    return shape;
}

static gboolean plans_forward(const ConvLayerOptions *options)
{
    ConvShape shape = forward_shape(options);
    return has_plan(&shape);
}

static gboolean plans_backward(const ConvLayerOptions *options)
{
    ConvShape shape = backward_shape(&options->conv);
    return options->use == CONV_BOTH_GRADIENTS && has_plan(&shape);
}

static const KernelGradient *kernel_gradient_of(const Conv2d *conv)
{
    const KernelGradient *ways[] = {&winograd_gradient, &direct_gradient, &im2col_gradient};
    int i = 0;
    while (!ways[i]->serves(conv))
        i++;
    return ways[i];
}

static gsize kernel_floats(const Conv2d *conv)
{
    return (gsize)conv->size * conv->size * conv->in[2] * conv->out[2];
}

gsize conv_layer_memory(const ConvLayerOptions *options)
{
    ConvShape forward = forward_shape(options), backward = backward_shape(&options->conv);
    return sizeof(ConvLayer) + (plans_forward(options) ? conv_plan_memory(&forward) : 0) +
           (plans_backward(options) ? conv_plan_memory(&backward) : 0);
}

gsize conv_layer_scratch(const ConvLayerOptions *options, guint threads)
{
    ConvShape forward = forward_shape(options), backward = backward_shape(&options->conv);
    gsize floats = plans_forward(options) ? conv_scratch_floats(&forward, threads) : 0;
    if (options->use != CONV_FORWARD)
        floats = MAX(floats, kernel_gradient_of(&options->conv)->scratch_floats(&options->conv, threads));
    if (plans_backward(options)) /* the flipped kernel comes first */
        floats = MAX(floats, conv_whole_lines(kernel_floats(&options->conv)) +
                                 conv_scratch_floats(&backward, threads));
    return floats;
}

gsize conv_layer_heap(const ConvLayerOptions *options)
{
    gboolean all_planned =
        plans_forward(options) &&
        (options->use == CONV_FORWARD || kernel_gradient_of(&options->conv) != &im2col_gradient) &&
        (options->use != CONV_BOTH_GRADIENTS || plans_backward(options));
    return all_planned ? 0 : conv2d_scratch(&options->conv);
}

ConvLayer *conv_layer_new(const ConvLayerOptions *options, ThreadPool *thread_pool)
{
    ConvShape forward = forward_shape(options), backward = backward_shape(&options->conv);
    ConvLayer *layer = g_new0(ConvLayer, 1);
    layer->conv = options->conv;
    layer->relu = options->relu;
    layer->thread_pool = thread_pool;
    layer->kernel_gradient = kernel_gradient_of(&options->conv);
    if (plans_forward(options))
        layer->forward = conv_plan_new(&forward, thread_pool);
    if (plans_backward(options))
        layer->backward = conv_plan_new(&backward, thread_pool);
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

void conv_layer_forward(ConvLayer *layer, float *y, const float *x, int n, const float *kernel,
                        const float *bias, float *scratch)
{
    if (!layer->forward) {
        conv2d_forward(layer->thread_pool, y, x, n, &layer->conv, kernel, bias, layer->relu);
        return;
    }
    conv_plan_set_weights(layer->forward, kernel, bias);
    conv_plan_run(layer->forward, x, n, y, scratch);
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
    gsize outputs = b->layer->conv.out[2], width = b->layer->conv.out[1];
    gsize begin = (gsize)part_start((guint)b->n, b->groups, group) * b->layer->conv.out[0],
          end = (gsize)part_start((guint)b->n, b->groups, group + 1) * b->layer->conv.out[0];
    double *sums = b->sums + group * outputs;
    g_autofree float *row_sums = g_new(float, outputs);
    for (gsize row = begin; row < end; row++) {
        for (gsize k = 0; k < outputs; k++)
            row_sums[k] = 0;
        for (gsize pixel = row * width; pixel < (row + 1) * width; pixel++) {
            float *dy = b->dy + pixel * outputs;
            const float *y = b->y + pixel * outputs;
            for (gsize k = 0; b->layer->relu && k < outputs; k++)
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
    gsize outputs = layer->conv.out[2];
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
    layer->kernel_gradient->run(layer->thread_pool, dkernel, x, dy, n, &layer->conv, scratch);
}

typedef struct {
    const Conv2d *conv;
    const float *kernel;
    float *flipped; /* (size, size, K, C) */
} Flip;

enum { SQUARE = 16 };

/* Transposes in squares that fit into the L1 cache. */
static void flip_tap(guint tap, guint worker, gpointer data)
{
    const Flip *flip = data;
    gsize inputs = flip->conv->in[2], outputs = flip->conv->out[2],
          taps = (gsize)flip->conv->size * flip->conv->size;
    const float *from = flip->kernel + tap * inputs * outputs;
    float *to = flip->flipped + (taps - 1 - tap) * inputs * outputs;
    for (gsize c0 = 0; c0 < inputs; c0 += SQUARE)
        for (gsize k = 0; k < outputs; k++)
            for (gsize c = c0; c < MIN(c0 + SQUARE, inputs); c++)
                to[k * inputs + c] = from[c * outputs + k];
}

void conv_layer_input_gradient(ConvLayer *layer, float *dx, const float *dy, int n, const float *kernel,
                               float *scratch)
{
    if (!layer->backward) {
        conv2d_input_gradient(layer->thread_pool, dx, dy, n, &layer->conv, kernel);
        return;
    }
    Flip flip = {&layer->conv, kernel, scratch};
    thread_pool_run(layer->thread_pool, (guint)(layer->conv.size * layer->conv.size), flip_tap, &flip);
    conv_plan_set_weights(layer->backward, scratch, NULL);
    conv_plan_run(layer->backward, dy, n, dx, scratch + conv_whole_lines(kernel_floats(&layer->conv)));
}
