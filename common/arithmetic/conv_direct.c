/* conv_direct: convolution by its definition, for the first layer, whose few input channels do not fill vectors, for
 * other shapes that Winograd's tiles do not serve, and where their rounding errors would be too large. */
#include "common/arithmetic/conv_plan.h"

#include <math.h>
#include <string.h>

enum { ROWS = 4 }; /* image rows per task */

typedef struct {
    const ConvPlan *plan;
    const float *in;
    float *out;
    float *workers; /* worker_floats per worker: (ROWS + size - 1, W + 2 pad, C), then a panel of pixels */
} Run;

/* Weights per output channel. */
static int taps_of(const ConvShape *shape)
{
    return shape->size * shape->size * shape->inputs;
}

/* Weights: (K/panel, size, size C, panel), of which the last panel's beyond K are not used. */
static void prepare(ConvPlan *plan)
{
    const ConvShape *shape = &plan->shape;
    gsize padded = (gsize)(ROWS + shape->size - 1) * (shape->width + 2 * shape->pad) * shape->inputs;
    plan->weight_floats =
        (gsize)taps_of(shape) * parts_of((guint)shape->outputs, CONV_OUTPUTS) * CONV_OUTPUTS;
    plan->worker_floats = floats_whole_lines(padded) + (gsize)plan->kernels->rows * CONV_OUTPUTS;
}

static void pack(ConvPlan *plan)
{
    const ConvShape *shape = &plan->shape;
    int inputs = shape->inputs, area = shape->size * shape->size, panel = plan->kernels->panel;
    g_autofree float *taps = g_new(float, area *panel);
    for (int k = 0; k < shape->outputs; k += panel)
        for (int c = 0; c < inputs; c++) {
            int n = MIN(panel, shape->outputs - k);
            conv_taps(plan, c, k, n, taps);
            for (int tap = 0; tap < area; tap++)
                memcpy(plan->weights + ((gsize)k * area + (gsize)tap * panel) * inputs + c * panel,
                       taps + tap * n, (gsize)n * sizeof(float));
        }
}

/* The input of output rows [top, top + rows) of an image, with zeros beyond the edges: (rows + size - 1, W + 2 pad,
 * C). */
static void padded_rows(const ConvShape *shape, const float *image, int top, int rows, float *to)
{
    gsize row = (gsize)shape->width * shape->inputs, edge = (gsize)shape->pad * shape->inputs;
    for (int i = 0; i < rows + shape->size - 1; i++, to += row + 2 * edge) {
        int y = top - shape->pad + i;
        memset(to, 0, (row + 2 * edge) * sizeof(float));
        if (y >= 0 && y < shape->height)
            memcpy(to + edge, image + y * row, row * sizeof(float));
    }
}

/* Some output pixels side by side, x being the upper left input pixel of the first; rest: (pixels, panel). */
static void pixels_run(const ConvPlan *plan, const float *x, gsize row, int pixels, float *rest, float *out)
{
    const ConvShape *shape = &plan->shape;
    int panel = plan->kernels->panel, outputs = shape->outputs;
    for (int k = 0; k < outputs; k += panel) {
        gboolean whole = k + panel <= outputs;
        plan->kernels->direct(x, row, shape->size, shape->inputs, plan->weights + (gsize)k * taps_of(shape),
                              plan->bias + k, shape->relu ? 0 : -INFINITY, pixels, whole ? out + k : rest,
                              (gsize)(whole ? outputs : panel));
        for (int i = 0; !whole && i < pixels; i++)
            memcpy(out + (gsize)i * outputs + k, rest + i * panel, (gsize)(outputs - k) * sizeof(float));
    }
}

static void band_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    const ConvPlan *plan = run->plan;
    const ConvShape *shape = &plan->shape;
    guint bands = parts_of((guint)plan->height, ROWS);
    int image = (int)(task / bands), top = (int)(task % bands) * ROWS;
    int rows = MIN(ROWS, plan->height - top);
    float *padded = run->workers + worker * plan->worker_floats,
          *rest = padded + plan->worker_floats - (gsize)plan->kernels->rows * CONV_OUTPUTS;
    gsize row = (gsize)(shape->width + 2 * shape->pad) * shape->inputs, outputs = (gsize)shape->outputs;
    padded_rows(shape, run->in + image * conv_inputs(shape), top, rows, padded);
    guint blocks = parts_of((guint)plan->width, (guint)plan->kernels->rows);
    for (int y = 0; y < rows; y++)
        for (guint b = 0; b < blocks; b++) {
            guint x = part_start((guint)plan->width, blocks, b);
            int pixels = (int)(part_start((guint)plan->width, blocks, b + 1) - x);
            float *out = run->out + (((gsize)image * plan->height + top + y) * plan->width + x) * outputs;
            pixels_run(plan, padded + y * row + (gsize)x * shape->inputs, row, pixels, rest, out);
        }
}

static void run(const ConvPlan *plan, const float *in, int n, float *out, float *shared, float *workers)
{
    Run run = {plan, in, out, workers};
    thread_pool_run(plan->thread_pool, (guint)n * parts_of((guint)plan->height, ROWS), band_task, &run);
}

/* ---- The kernel's gradient. The images are divided into groups, whose number does not depend on the threads; the
 * groups' sums are added up in order. ---- */

enum {
    GROUPS = 16,
    WEIGHTS_A_TASK = 1 << 12, /* added up by a task */
};

typedef struct {
    const ConvPlan *plan;
    const float *x, *dy;
    int n;
    guint groups;
    gsize weights; /* size * size * C * K */
    float *sums;   /* (GROUPS, size, size C, K) */
    float *padded; /* per worker: (H + 2 pad, W + 2 pad, C), an image with zeros around it */
    float *dkernel;
} Gradient;

static gsize padded_floats(const ConvShape *conv)
{
    return floats_whole_lines((gsize)(conv->height + 2 * conv->pad) * (conv->width + 2 * conv->pad) *
                              conv->inputs);
}

static gsize gradient_floats(const ConvPlan *plan)
{
    return GROUPS * conv_weights(&plan->shape) +
           thread_pool_threads(plan->thread_pool) * padded_floats(&plan->shape);
}

/* sums (size C, K) += the part of the output row dy in the gradient of one kernel row, x being the input pixel under
 * its left end. A kernel row (size, C) has the layout of image pixels, so all its weights are correlated together. */
static void add_row(const Gradient *g, const float *x, const float *dy, float *sums)
{
    const ConvShape *conv = &g->plan->shape;
    const ConvKernels *kernels = g->plan->kernels;
    int inputs = conv->inputs, outputs = conv->outputs, vector = kernels->width;
    int width = g->plan->width, whole = outputs / vector * vector;
    guint count = (guint)(conv->size * inputs), parts = parts_of(count, (guint)vector);
    for (guint part = 0; part < parts; part++) {
        guint begin = part_start(count, parts, part), end = part_start(count, parts, part + 1);
        for (int k = 0; k < whole; k += vector)
            kernels->correlate(x + begin, inputs, dy + k, outputs, width, (int)(end - begin),
                               sums + (gsize)begin * outputs + k, outputs, TRUE);
    }
    for (guint i = 0; i < count; i++)
        for (int k = whole; k < outputs; k++) {
            float sum = 0;
            for (int column = 0; column < width; column++)
                sum += x[column * inputs + i] * dy[column * outputs + k];
            sums[(gsize)i * outputs + k] += sum;
        }
}

static void add_group(guint group, guint worker, gpointer data)
{
    const Gradient *g = data;
    const ConvShape *conv = &g->plan->shape;
    int height = g->plan->height;
    gsize row = (gsize)(conv->width + 2 * conv->pad) * conv->inputs,
          kernel_row = (gsize)conv->size * conv->inputs * conv->outputs;
    float *sums = g->sums + group * g->weights, *padded = g->padded + worker * padded_floats(conv);
    memset(sums, 0, g->weights * sizeof(float));
    for (guint image = part_start((guint)g->n, g->groups, group);
         image < part_start((guint)g->n, g->groups, group + 1); image++) {
        padded_rows(conv, g->x + image * conv_inputs(conv), 0, height, padded);
        const float *dy = g->dy + image * conv_outputs(conv);
        for (int y = 0; y < height; y++, dy += conv_outputs(conv) / height)
            for (int ky = 0; ky < conv->size; ky++)
                add_row(g, padded + (y + ky) * row, dy, sums + ky * kernel_row);
    }
}

static void add_up(guint task, guint worker, gpointer data)
{
    const Gradient *g = data;
    for (gsize i = (gsize)task * WEIGHTS_A_TASK; i < MIN(g->weights, (gsize)(task + 1) * WEIGHTS_A_TASK);
         i++) {
        float sum = g->sums[i];
        for (guint group = 1; group < g->groups; group++)
            sum += g->sums[group * g->weights + i];
        g->dkernel[i] = sum;
    }
}

static void gradient(const ConvPlan *plan, float *dkernel, const float *x, const float *dy, int n)
{
    gsize weights = conv_weights(&plan->shape);
    Gradient g = {.plan = plan,
                  .x = x,
                  .dy = dy,
                  .n = n,
                  .groups = (guint)MIN(n, GROUPS),
                  .weights = weights,
                  .sums = plan->scratch,
                  .padded = plan->scratch + GROUPS * weights,
                  .dkernel = dkernel};
    thread_pool_run(plan->thread_pool, g.groups, add_group, &g);
    thread_pool_run(plan->thread_pool, parts_of((guint)weights, WEIGHTS_A_TASK), add_up, &g);
}

const ConvMethod conv_direct = {prepare, pack, run, gradient_floats, gradient};
