/* conv_reference: see conv_reference.h. A task computes PANEL output channels of all pixels; their kernels stay in
 * the L2 cache, as doubles. Compiled without fused multiply-adds (Makefile). */
#include "common/arithmetic/conv_reference.h"

#include <string.h>

/* LANES doubles are a vector of SSE2 and of NEON; PIXELS x VECTORS sums leave registers for the factors. */
enum { LANES = 2, VECTORS = 4, PANEL = LANES * VECTORS, PIXELS = 3 };
typedef double Doubles __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));

typedef struct {
    const ConvShape *shape;
    const double *padded; /* (H + 2, W + 2, C): the input with a pixel of zeros on all sides */
    const float *kernel, *bias;
    double *out;
    double **panels; /* per worker: (3, 3C, PANEL) */
} Run;

static void pack(const Run *run, int k, double *panel)
{
    for (int tap = 0; tap < 9 * run->shape->inputs; tap++)
        for (int j = 0; j < PANEL; j++)
            *panel++ = run->kernel[(gsize)tap * run->shape->outputs + k + j];
}

/* Output channels k … k + PANEL - 1 of PIXELS output pixels, x being the upper left input pixel of the first; if
 * there are fewer (`pixels`), the last one is computed repeatedly. */
static void pixels_run(const Run *run, const double *x, int pixels, const double *panel, int k, double *out)
{
    int channels = run->shape->inputs;
    gsize row = (gsize)(run->shape->width + 2) * channels, at[PIXELS];
    Doubles sum[PIXELS][VECTORS] = {0};
    for (int p = 0; p < PIXELS; p++)
        at[p] = (gsize)MIN(p, pixels - 1) * channels;
    for (int ky = 0; ky < 3; ky++, x += row)
        for (int tap = 0; tap < 3 * channels; tap++, panel += PANEL)
#pragma GCC unroll 3
            for (int p = 0; p < PIXELS; p++)
#pragma GCC unroll 4
                for (int j = 0; j < VECTORS; j++)
                    sum[p][j] += x[at[p] + tap] * *(const Doubles *)(panel + j * LANES);
    for (int p = 0; p < pixels; p++)
        for (int j = 0; j < PANEL; j++) {
            double value = sum[p][j / LANES][j % LANES] + run->bias[k + j];
            out[(gsize)p * run->shape->outputs + k + j] = run->shape->relu ? MAX(value, 0) : value;
        }
}

static void panel_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    const ConvShape *shape = run->shape;
    int k = (int)task * PANEL;
    gsize row = (gsize)(shape->width + 2) * shape->inputs;
    pack(run, k, run->panels[worker]);
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x += PIXELS)
            pixels_run(run, run->padded + y * row + (gsize)x * shape->inputs, MIN(PIXELS, shape->width - x),
                       run->panels[worker], k, run->out + ((gsize)y * shape->width + x) * shape->outputs);
}

void conv_reference(const ConvShape *shape, const double *in, const float *kernel, const float *bias,
                    double *out, ThreadPool *thread_pool)
{
    guint threads = thread_pool_threads(thread_pool);
    gsize row = (gsize)shape->width * shape->inputs, wide = row + 2 * (gsize)shape->inputs;
    g_autofree double *padded = g_new0(double, (gsize)(shape->height + 2) * wide);
    g_autofree double *panels = g_new(double, (gsize)threads * 9 * shape->inputs * PANEL);
    g_autofree double **panel_of = g_new(double *, threads);
    for (int y = 0; y < shape->height; y++)
        memcpy(padded + (y + 1) * wide + shape->inputs, in + y * row, row * sizeof(double));
    for (guint i = 0; i < threads; i++)
        panel_of[i] = panels + (gsize)i * 9 * shape->inputs * PANEL;
    Run run = {shape, padded, kernel, bias, out, panel_of};
    thread_pool_run(thread_pool, (guint)(shape->outputs / PANEL), panel_task, &run);
}
