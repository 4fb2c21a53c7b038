/* conv_direct: convolution by its definition, for the first layer, whose few input channels do not fill vectors, and
 * where Winograd's rounding errors would be too large. */
#include "common/arithmetic/conv_plan.h"

#include <math.h>
#include <string.h>

enum { ROWS = 4 }; /* image rows per task */

typedef struct {
    const ConvPlan *plan;
    const float *in;
    float *out;
    float *workers; /* worker_floats() per worker: (ROWS + size - 1, W + 2 pad, C) */
} Run;

/* Weights per output channel. */
static int taps_of(const ConvShape *shape)
{
    return shape->size * shape->size * shape->inputs;
}

/* (K/panel, size, size C, panel) */
static gsize weight_floats(const ConvPlan *plan)
{
    return (gsize)taps_of(&plan->shape) * plan->shape.outputs;
}

static void pack(ConvPlan *plan, const float *kernel)
{
    int taps = taps_of(&plan->shape), panel = plan->kernels->panel;
    float *to = plan->weights;
    for (int k = 0; k < plan->shape.outputs; k += panel)
        for (int tap = 0; tap < taps; tap++, to += panel)
            memcpy(to, kernel + (gsize)tap * plan->shape.outputs + k, (gsize)panel * sizeof(float));
}

static gsize shared_floats(const ConvPlan *plan)
{
    return 0;
}

static gsize worker_floats(const ConvPlan *plan)
{
    const ConvShape *shape = &plan->shape;
    return conv_whole_lines((gsize)(ROWS + shape->size - 1) * (shape->width + 2 * shape->pad) *
                            shape->inputs);
}

/* The input of output rows [top, top + rows) of an image, with zeros beyond the edges: (rows + size - 1, W + 2 pad,
 * C). */
static void padded_rows(const ConvPlan *plan, const float *image, int top, int rows, float *to)
{
    const ConvShape *shape = &plan->shape;
    gsize row = (gsize)shape->width * shape->inputs, edge = (gsize)shape->pad * shape->inputs;
    for (int i = 0; i < rows + shape->size - 1; i++, to += row + 2 * edge) {
        int y = top - shape->pad + i;
        memset(to, 0, (row + 2 * edge) * sizeof(float));
        if (y >= 0 && y < shape->height)
            memcpy(to + edge, image + y * row, row * sizeof(float));
    }
}

static void band_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    const ConvPlan *plan = run->plan;
    const ConvShape *shape = &plan->shape;
    guint bands = parts_of((guint)plan->height, ROWS);
    int image = (int)(task / bands), top = (int)(task % bands) * ROWS;
    int rows = MIN(ROWS, plan->height - top), panel = plan->kernels->panel;
    float *padded = run->workers + worker * worker_floats(plan), min = shape->relu ? 0 : -INFINITY;
    gsize row = (gsize)(shape->width + 2 * shape->pad) * shape->inputs, outputs = (gsize)shape->outputs;
    padded_rows(plan, run->in + (gsize)image * shape->height * shape->width * shape->inputs, top, rows,
                padded);
    guint blocks = parts_of((guint)plan->width, (guint)plan->kernels->rows);
    for (int y = 0; y < rows; y++)
        for (guint b = 0; b < blocks; b++) {
            guint x = part_start((guint)plan->width, blocks, b);
            int pixels = (int)(part_start((guint)plan->width, blocks, b + 1) - x);
            float *out = run->out + (((gsize)image * plan->height + top + y) * plan->width + x) * outputs;
            for (gsize k = 0; k < outputs; k += panel)
                plan->kernels->direct(padded + y * row + (gsize)x * shape->inputs, row, shape->size,
                                      shape->inputs, plan->weights + k * taps_of(shape), plan->bias + k, min,
                                      pixels, out + k, outputs);
        }
}

static void run(const ConvPlan *plan, const float *in, int n, float *out, float *shared, float *workers)
{
    Run run = {plan, in, out, workers};
    thread_pool_run(plan->thread_pool, (guint)n * parts_of((guint)plan->height, ROWS), band_task, &run);
}

const ConvMethod conv_direct = {weight_floats, pack, shared_floats, worker_floats, run};
