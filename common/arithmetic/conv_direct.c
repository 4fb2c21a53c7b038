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

/* Weights: (K/panel, size, size C, panel), with zeros in the last panel's place of missing channels. */
static void prepare(ConvPlan *plan)
{
    const ConvShape *shape = &plan->shape;
    gsize padded = (gsize)(ROWS + shape->size - 1) * (shape->width + 2 * shape->pad) * shape->inputs;
    plan->weight_floats =
        (gsize)taps_of(shape) * parts_of((guint)shape->outputs, CONV_OUTPUTS) * CONV_OUTPUTS;
    plan->worker_floats = conv_whole_lines(padded) + (gsize)plan->kernels->rows * CONV_OUTPUTS;
}

static void pack(ConvPlan *plan, const float *kernel)
{
    const ConvShape *shape = &plan->shape;
    int inputs = shape->inputs, area = shape->size * shape->size, panel = plan->kernels->panel;
    g_autofree float *taps = g_new(float, area *panel);
    for (int k = 0; k < shape->outputs; k += panel)
        for (int c = 0; c < inputs; c++) {
            int n = MIN(panel, shape->outputs - k);
            conv_taps(shape, kernel, c, k, n, taps);
            for (int tap = 0; tap < area; tap++)
                memcpy(plan->weights + ((gsize)k * area + (gsize)tap * panel) * inputs + c * panel,
                       taps + tap * n, (gsize)n * sizeof(float));
        }
}

void conv_padded_rows(const ConvShape *shape, const float *image, int top, int rows, float *to)
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
    conv_padded_rows(shape, run->in + image * conv_inputs(shape), top, rows, padded);
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

const ConvMethod conv_direct = {prepare, pack, run};
