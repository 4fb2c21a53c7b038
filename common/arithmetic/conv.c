/* conv: see conv.h. The parts of a plan that all methods share. */
#include "common/arithmetic/conv_plan.h"

#include <string.h>

gsize conv_inputs(const ConvShape *shape)
{
    return (gsize)shape->height * (gsize)shape->width * (gsize)shape->inputs;
}

gsize conv_outputs(const ConvShape *shape)
{
    return (gsize)conv_output_side(shape->height, shape) * (gsize)conv_output_side(shape->width, shape) *
           (gsize)shape->outputs;
}

gsize conv_weights(const ConvShape *shape)
{
    return (gsize)(shape->size * shape->size) * (gsize)shape->inputs * (gsize)shape->outputs;
}

ConvPlan *conv_plan_new(Arena *arena, const ConvShape *shape, ConvUse use, ThreadPool *thread_pool)
{
    /* Every input pixel sums over all output pixels that depend on it. */
    const ConvShape backward = {.height = conv_output_side(shape->height, shape),
                                .width = conv_output_side(shape->width, shape),
                                .inputs = shape->outputs,
                                .outputs = shape->inputs,
                                .size = shape->size,
                                .pad = shape->size - 1 - shape->pad,
                                .flipped = TRUE};
    ConvPlan *plan = g_new0(ConvPlan, 1);
    plan->shape = *shape;
    plan->thread_pool = thread_pool;
    plan->kernels = conv_kernels_of(shape);
    plan->height = backward.height;
    plan->width = backward.width;
    plan->winograd = conv_fewest_products(shape, CONV_LARGEST_TILE);
    plan->method = plan->winograd ? &conv_winograd : &conv_direct;
    g_assert(plan->winograd || !shape->pool);
    g_assert(plan->height > 0 && plan->width > 0);
    plan->method->prepare(plan);
    plan->weights = arena_floats(arena, plan->weight_floats);
    plan->bias = arena_floats(arena, (gsize)parts_of((guint)shape->outputs, CONV_OUTPUTS) * CONV_OUTPUTS);
    gsize run = plan->shared_floats + thread_pool_threads(thread_pool) * plan->worker_floats,
          gradient = use == CONV_FORWARD ? 0 : plan->method->gradient_floats(plan);
    plan->scratch = arena_shared(arena, ARENA_SCRATCH, MAX(run, gradient));
    if (use == CONV_BOTH_GRADIENTS)
        plan->backward = conv_plan_new(arena, &backward, CONV_FORWARD, thread_pool);
    return plan;
}

void conv_plan_free(ConvPlan *plan)
{
    if (plan)
        conv_plan_free(plan->backward);
    g_free(plan);
}

void conv_plan_set_weights(ConvPlan *plan, const float *kernel, const float *bias)
{
    plan->kernel = kernel;
    plan->method->pack(plan);
    if (bias)
        memcpy(plan->bias, bias, plan->shape.outputs * sizeof(float));
    else
        memset(plan->bias, 0, plan->shape.outputs * sizeof(float));
}

void conv_taps(const ConvPlan *plan, int c, int k, int n, float *taps)
{
    const ConvShape *shape = &plan->shape;
    gsize inputs = (gsize)shape->inputs, outputs = (gsize)shape->outputs, a_tap = inputs * outputs,
          all = (gsize)shape->size * (gsize)shape->size;
    for (gsize tap = 0; tap < all; tap++, taps += n) {
        const float *from = plan->kernel + (shape->flipped ? all - 1 - tap : tap) * a_tap;
        if (!shape->flipped)
            memcpy(taps, from + (gsize)c * outputs + (gsize)k, (gsize)n * sizeof(float));
        for (int i = 0; shape->flipped && i < n; i++)
            taps[i] = from[(gsize)(k + i) * inputs + (gsize)c];
    }
}

gboolean conv_wants_batch(const ConvShape *shape)
{
    return shape->inputs * shape->outputs > 128 * 128;
}

int conv_tile(const ConvShape *shape, int limit)
{
    const WinogradKernels *winograd = conv_fewest_products(shape, limit);
    return winograd ? winograd->out : 1;
}

const char *conv_tile_name(int tile)
{
    static const char *const names[] = {
        [1] = "direct", [2] = "F(2x2)", [4] = "F(4x4)", [5] = "F(5x5)", [6] = "F(6x6)", [7] = "F(7x7)"};
    return names[tile];
}

void conv_square_pixels(const float *image, const int shape[3], int top, int left, int side,
                        const float *zeros, const float **pixels)
{
    int height = shape[0], width = shape[1], channels = shape[2];
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++) {
            gboolean inside = y >= 0 && y < height && x >= 0 && x < width;
            *pixels++ = inside ? image + ((gsize)y * width + x) * channels : zeros;
        }
}

void conv_plan_run(ConvPlan *plan, const float *in, int n, float *out)
{
    plan->method->run(plan, in, n, out, plan->scratch, plan->scratch + plan->shared_floats);
}

/* ---- Gradients ---- */

enum { BIAS_GROUPS = 16 }; /* groups of images, whose sums are added up in order */

typedef struct {
    const ConvPlan *plan;
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
    const ConvShape *shape = &b->plan->shape;
    gsize outputs = shape->outputs, height = b->plan->height, width = b->plan->width;
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

void conv_plan_bias_gradient(ConvPlan *plan, float *dbias, float *dy, const float *y, int n)
{
    gsize outputs = plan->shape.outputs;
    guint groups = (guint)MIN(n, BIAS_GROUPS);
    g_autofree double *sums = g_new0(double, groups *outputs);
    BiasGradient gradient = {plan, n, groups, dy, y, sums};
    thread_pool_run(plan->thread_pool, groups, bias_group, &gradient);
    for (gsize k = 0; k < outputs; k++) {
        double sum = 0;
        for (guint group = 0; group < groups; group++)
            sum += sums[group * outputs + k];
        dbias[k] = (float)sum;
    }
}

void conv_plan_kernel_gradient(ConvPlan *plan, float *dkernel, const float *x, const float *dy, int n)
{
    plan->method->gradient(plan, dkernel, x, dy, n);
}

void conv_plan_input_gradient(ConvPlan *plan, float *dx, const float *dy, int n)
{
    conv_plan_set_weights(plan->backward, plan->kernel, NULL);
    conv_plan_run(plan->backward, dy, n, dx);
}
