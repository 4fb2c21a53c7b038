/* winograd_gradient: see conv_plan.h. TILES tiles at a time are transformed, then multiplied, one task for some
 * channels of a position. Vectors of channels are stored tile after tile, (P, C/width, tiles, width), so that products
 * read both factors sequentially. */
#include "common/arithmetic/conv_plan.h"

#include <string.h>

enum {
    TILES = 256,           /* transformed together: two vectors of channels of a position fill the L1 cache */
    TILES_A_TASK = 16,     /* for transforms */
    CHANNELS_A_TASK = 128, /* for products */
};

typedef struct {
    const ConvPlan *plan;
    gsize v_stride, dm_stride, du_stride; /* between positions */
    float *zeros;                         /* (C or K, the larger): pixels beyond the edges */
    float *v;                             /* (P, C/width, TILES, width): transformed input */
    float *dm;                            /* (P, K/width, TILES, width): gradient of the products */
    float *du;                            /* (P, C, K): gradient of the transformed kernel */
    const float *x, *dy;
    float *dkernel;
    int first, tiles; /* transformed together */
} Work;

static Work work_of(const ConvPlan *plan)
{
    gsize inputs = plan->shape.inputs, outputs = plan->shape.outputs;
    return (Work){.plan = plan,
                  .v_stride = TILES * inputs + POSITION_PADDING,
                  .dm_stride = TILES * outputs + POSITION_PADDING,
                  .du_stride = inputs * outputs + POSITION_PADDING};
}

gsize conv_winograd_gradient_floats(const ConvPlan *plan)
{
    Work w = work_of(plan);
    return MAX(plan->shape.inputs, plan->shape.outputs) +
           plan->positions * (w.v_stride + w.dm_stride + w.du_stride);
}

static void transform_tiles(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    const ConvPlan *plan = w->plan;
    const ConvShape *conv = &plan->shape;
    const WinogradKernels *tile = plan->winograd;
    const int in[] = {conv->height, conv->width, conv->inputs},
              out[] = {plan->height, plan->width, conv->outputs};
    const float *square[WINOGRAD_MAX];
    int vector = plan->kernels->width, image, top, left;
    for (int t = (int)task * TILES_A_TASK; t < MIN(w->tiles, (int)(task + 1) * TILES_A_TASK); t++) {
        conv_tile_place(plan, (guint)(w->first + t), &image, &top, &left);
        conv_square_pixels(w->x + image * conv_inputs(conv), in, top - conv->pad, left - conv->pad, tile->in,
                           w->zeros, square);
        tile->input(square, in[2], w->v + t * vector, w->v_stride, (gsize)TILES * vector);
        conv_square_pixels(w->dy + image * conv_outputs(conv), out, top, left, tile->out, w->zeros, square);
        tile->output_gradient(square, out[2], w->dm + t * vector, w->dm_stride, (gsize)TILES * vector);
    }
}

/* dU += V^T dM for some input channels of a position. */
static void multiply_position(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    const ConvKernels *kernels = w->plan->kernels;
    int inputs = w->plan->shape.inputs, outputs = w->plan->shape.outputs, vector = kernels->width;
    guint parts = parts_of((guint)inputs, CHANNELS_A_TASK);
    gsize position = task / parts;
    int begin = (int)(task % parts) * CHANNELS_A_TASK, end = MIN(begin + CHANNELS_A_TASK, inputs);
    const float *v = w->v + position * w->v_stride, *dm = w->dm + position * w->dm_stride;
    float *du = w->du + position * w->du_stride;
    for (int c = begin; c < end; c += vector)
        for (int k = 0; k < outputs; k += vector)
            kernels->correlate(v + (gsize)c * TILES, vector, dm + (gsize)k * TILES, vector, w->tiles, vector,
                               du + (gsize)c * outputs + k, outputs, w->first > 0);
}

static void transform_back(guint input, guint worker, gpointer data)
{
    const Work *w = data;
    gsize inputs = w->plan->shape.inputs, outputs = w->plan->shape.outputs;
    w->plan->winograd->kernel_gradient(w->du + input * outputs, w->du_stride, (int)outputs,
                                       w->dkernel + input * outputs, inputs * outputs);
}

void conv_winograd_gradient(const ConvPlan *plan, float *dkernel, const float *x, const float *dy, int n)
{
    guint inputs = (guint)plan->shape.inputs;
    gsize zeros = MAX(plan->shape.inputs, plan->shape.outputs), positions = plan->positions;
    Work w = work_of(plan);
    w.zeros = memset(plan->scratch, 0, zeros * sizeof(float));
    w.v = w.zeros + zeros;
    w.dm = w.v + positions * w.v_stride;
    w.du = w.dm + positions * w.dm_stride;
    w.x = x;
    w.dy = dy;
    w.dkernel = dkernel;
    int total = n * plan->tiles_y * plan->tiles_x;
    for (w.first = 0; w.first < total; w.first += TILES) {
        w.tiles = MIN(TILES, total - w.first);
        thread_pool_run(plan->thread_pool, parts_of((guint)w.tiles, TILES_A_TASK), transform_tiles, &w);
        thread_pool_run(plan->thread_pool, (guint)plan->positions * parts_of(inputs, CHANNELS_A_TASK),
                        multiply_position, &w);
    }
    thread_pool_run(plan->thread_pool, inputs, transform_back, &w);
}
