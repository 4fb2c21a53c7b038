/* conv_layer: see conv_layer.h. */
#include "common/arithmetic/conv_layer.h"

#include "common/arithmetic/conv_plan.h"
#include "common/arithmetic/kernel_gradient.h"

enum { BIAS_GROUPS = 16 }; /* groups of images, whose sums are added up in order */

struct ConvLayer {
    ConvShape shape;
    ThreadPool *thread_pool;
    ConvPlan *forward, *backward; /* backward: from K to C channels, or NULL */
    const float *kernel;          /* as set */
    const KernelGradient *kernel_gradient;
    float *scratch; /* of the kernel gradient */
};

static const KernelGradient *kernel_gradient_of(const ConvShape *conv)
{
    return (conv->size == 3 || conv->size == 5) && conv->inputs % CONV_OUTPUTS == 0 &&
                   conv->outputs % CONV_OUTPUTS == 0
               ? &winograd_gradient
               : &direct_gradient;
}

ConvLayer *conv_layer_new(Arena *arena, const ConvShape *shape, ConvUse use, ThreadPool *thread_pool)
{
    /* Every input pixel sums over all output pixels that depend on it. */
    const ConvShape backward = {.height = conv_output_side(shape->height, shape),
                                .width = conv_output_side(shape->width, shape),
                                .inputs = shape->outputs,
                                .outputs = shape->inputs,
                                .size = shape->size,
                                .pad = shape->size - 1 - shape->pad,
                                .flipped = TRUE};
    ConvLayer *layer = g_new0(ConvLayer, 1);
    layer->shape = *shape;
    layer->thread_pool = thread_pool;
    layer->kernel_gradient = kernel_gradient_of(shape);
    layer->forward = conv_plan_new(arena, shape, thread_pool);
    if (use == CONV_BOTH_GRADIENTS)
        layer->backward = conv_plan_new(arena, &backward, thread_pool);
    if (use != CONV_FORWARD)
        layer->scratch =
            arena_shared(arena, ARENA_SCRATCH,
                         layer->kernel_gradient->scratch_floats(shape, thread_pool_threads(thread_pool)));
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

void conv_layer_set_weights(ConvLayer *layer, const float *kernel, const float *bias)
{
    layer->kernel = kernel;
    conv_plan_set_weights(layer->forward, kernel, bias);
}

void conv_layer_forward(ConvLayer *layer, float *y, const float *x, int n)
{
    conv_plan_run(layer->forward, x, n, y);
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

void conv_layer_kernel_gradient(ConvLayer *layer, float *dkernel, const float *x, const float *dy, int n)
{
    layer->kernel_gradient->run(layer->thread_pool, dkernel, x, dy, n, &layer->shape, layer->scratch);
}

void conv_layer_input_gradient(ConvLayer *layer, float *dx, const float *dy, int n)
{
    conv_plan_set_weights(layer->backward, layer->kernel, NULL);
    conv_plan_run(layer->backward, dy, n, dx);
}
