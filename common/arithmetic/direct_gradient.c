/* direct_gradient: see kernel_gradient.h. The images are divided into groups, whose number does not depend on the
 * threads; the groups' sums are added up in order. */
#include "common/arithmetic/conv_plan.h"
#include "common/arithmetic/kernel_gradient.h"

#include <string.h>

enum {
    GROUPS = 16,
    WEIGHTS_A_TASK = 1 << 12, /* added up by a task */
};

typedef struct {
    const ConvShape *conv;
    const ConvKernels *kernels;
    const float *x, *dy;
    int n;
    guint groups;
    gsize weights; /* size * size * C * K */
    float *sums;   /* (GROUPS, size, size C, K) */
    float *padded; /* per worker: (H + 2 pad, W + 2 pad, C), an image with zeros around it */
    float *dkernel;
} Work;

static gsize padded_floats(const ConvShape *conv)
{
    return conv_whole_lines((gsize)(conv->height + 2 * conv->pad) * (conv->width + 2 * conv->pad) *
                            conv->inputs);
}

static gsize scratch_floats(const ConvShape *conv, guint threads)
{
    return GROUPS * conv_weights(conv) + threads * padded_floats(conv);
}

/* sums (size C, K) += the part of the output row dy in the gradient of one kernel row, x being the input pixel under
 * its left end. A kernel row (size, C) has the layout of image pixels, so all its weights are correlated together. */
static void add_row(const Work *w, const float *x, const float *dy, float *sums)
{
    int inputs = w->conv->inputs, outputs = w->conv->outputs, vector = w->kernels->width;
    int width = conv_output_side(w->conv->width, w->conv), whole = outputs / vector * vector;
    guint count = (guint)(w->conv->size * inputs), parts = parts_of(count, (guint)vector);
    for (guint part = 0; part < parts; part++) {
        guint begin = part_start(count, parts, part), end = part_start(count, parts, part + 1);
        for (int k = 0; k < whole; k += vector)
            w->kernels->correlate(x + begin, inputs, dy + k, outputs, width, (int)(end - begin),
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
    const Work *w = data;
    const ConvShape *conv = w->conv;
    int height = conv_output_side(conv->height, conv);
    gsize row = (gsize)(conv->width + 2 * conv->pad) * conv->inputs,
          kernel_row = (gsize)conv->size * conv->inputs * conv->outputs;
    float *sums = w->sums + group * w->weights, *padded = w->padded + worker * padded_floats(conv);
    memset(sums, 0, w->weights * sizeof(float));
    for (guint image = part_start((guint)w->n, w->groups, group);
         image < part_start((guint)w->n, w->groups, group + 1); image++) {
        conv_padded_rows(conv, w->x + image * conv_inputs(conv), 0, height, padded);
        const float *dy = w->dy + image * conv_outputs(conv);
        for (int y = 0; y < height; y++, dy += conv_outputs(conv) / height)
            for (int ky = 0; ky < conv->size; ky++)
                add_row(w, padded + (y + ky) * row, dy, sums + ky * kernel_row);
    }
}

static void add_up(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    for (gsize i = (gsize)task * WEIGHTS_A_TASK; i < MIN(w->weights, (gsize)(task + 1) * WEIGHTS_A_TASK);
         i++) {
        float sum = w->sums[i];
        for (guint group = 1; group < w->groups; group++)
            sum += w->sums[group * w->weights + i];
        w->dkernel[i] = sum;
    }
}

static void run(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                const ConvShape *conv, float *scratch)
{
    gsize weights = conv_weights(conv);
    Work w = {conv,    kernels_current()->conv,    x,      dy, n, (guint)MIN(n, GROUPS), weights,
              scratch, scratch + GROUPS * weights, dkernel};
    thread_pool_run(thread_pool, w.groups, add_group, &w);
    thread_pool_run(thread_pool, parts_of((guint)weights, WEIGHTS_A_TASK), add_up, &w);
}

const KernelGradient direct_gradient = {scratch_floats, run};
