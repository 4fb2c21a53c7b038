/* winograd: see winograd.h. For the kernel's gradient the tiles of a few images at a time are transformed,
 * then OpenBLAS multiplies, a position and a block of output channels a task. */
#include "common/arithmetic/winograd.h"

#include "common/arithmetic/conv_plan.h"
#include "common/core/floats.h"

#include <cblas.h>
#include <string.h>

enum {
    TILES = 512, /* transformed together: few enough to stay in the last cache, enough for the products */
    TILES_A_TASK = 16, /* of a transforming task */
    OUTPUTS = 256,     /* output channels of a multiplying task */
};

struct Winograd {
    Conv2d conv;
    ThreadPool *thread_pool;
    ConvPlan *forward, *backward; /* backward: K to C channels, or NULL */
    float *scratch;               /* of either */
    float *flipped;               /* (size, size, K, C): the kernel for backward */
    float *zeros;                 /* (C or K, the larger): pixels beyond the edges */
    const WinogradKernels *kernels;
    int vector; /* floats in one of the kernels' vectors */
    int tiles_y, tiles_x;
    float *v;  /* (P, TILES, C): transformed input */
    float *dm; /* (P, TILES, K): gradients by products */
    float *du; /* (P, C, K): gradient by the transformed kernel */
};

static int pad_of(const Conv2d *conv)
{
    return conv->same ? conv->size / 2 : 0;
}

static gsize taps_of(const Conv2d *conv)
{
    return (gsize)conv->size * conv->size;
}

/* Backward: every input pixel gathers from all output pixels that it had a part in. */
static ConvShape shape_of(const Conv2d *conv, gboolean backward)
{
    const int *from = backward ? conv->out : conv->in, *to = backward ? conv->in : conv->out;
    return (ConvShape){.height = from[0],
                       .width = from[1],
                       .inputs = from[2],
                       .outputs = to[2],
                       .size = conv->size,
                       .pad = backward ? conv->size - 1 - pad_of(conv) : pad_of(conv)};
}

static gsize scratch_floats(const Conv2d *conv, gboolean input_gradient, guint threads)
{
    ConvShape forward = shape_of(conv, FALSE), backward = shape_of(conv, TRUE);
    return MAX(conv_scratch_floats(&forward, threads),
               input_gradient ? conv_scratch_floats(&backward, threads) : 0);
}

static const WinogradKernels *gradient_kernels(const Conv2d *conv)
{
    ConvShape shape = shape_of(conv, FALSE);
    return conv_fewest_products(&shape, CONV_LARGEST_TILE);
}

static int positions(const WinogradKernels *kernels)
{
    return kernels->in * kernels->in;
}

gboolean winograd_serves(const Conv2d *conv)
{
    return (conv->size == 3 || conv->size == 5) && conv->in[2] % 32 == 0 && conv->out[2] % 32 == 0;
}

gsize winograd_memory(const Conv2d *conv, gboolean input_gradient, guint threads)
{
    ConvShape forward = shape_of(conv, FALSE), backward = shape_of(conv, TRUE);
    gsize inputs = conv->in[2], outputs = conv->out[2], p = positions(gradient_kernels(conv));
    gsize floats = p * (TILES * (inputs + outputs) + inputs * outputs) + MAX(inputs, outputs);
    if (input_gradient)
        floats += taps_of(conv) * inputs * outputs;
    floats += scratch_floats(conv, input_gradient, threads);
    return floats * sizeof(float) + conv_plan_memory(&forward) +
           (input_gradient ? conv_plan_memory(&backward) : 0);
}

Winograd *winograd_new(const Conv2d *conv, gboolean input_gradient, ThreadPool *thread_pool)
{
    ConvShape forward = shape_of(conv, FALSE), backward = shape_of(conv, TRUE);
    const WinogradKernels *kernels = gradient_kernels(conv);
    gsize inputs = conv->in[2], outputs = conv->out[2], p = positions(kernels);
    Winograd *w = g_new0(Winograd, 1);
    w->conv = *conv;
    w->thread_pool = thread_pool;
    w->kernels = kernels;
    w->vector = kernels_current()->conv->width;
    w->tiles_y = (conv->out[0] + w->kernels->out - 1) / w->kernels->out;
    w->tiles_x = (conv->out[1] + w->kernels->out - 1) / w->kernels->out;
    w->forward = conv_plan_new(&forward, PRECISION_FLOAT32, thread_pool);
    if (input_gradient) {
        w->backward = conv_plan_new(&backward, PRECISION_FLOAT32, thread_pool);
        w->flipped = floats_new(taps_of(conv) * inputs * outputs);
    }
    w->scratch = floats_new(scratch_floats(conv, input_gradient, thread_pool_threads(thread_pool)));
    w->zeros = floats_new(MAX(inputs, outputs));
    w->v = floats_new(p * TILES * inputs);
    w->dm = floats_new(p * TILES * outputs);
    w->du = floats_new(p * inputs * outputs);
    return w;
}

void winograd_free(Winograd *w)
{
    if (!w)
        return;
    conv_plan_free(w->forward);
    conv_plan_free(w->backward);
    floats_free(w->scratch);
    floats_free(w->flipped);
    floats_free(w->zeros);
    floats_free(w->v);
    floats_free(w->dm);
    floats_free(w->du);
    g_free(w);
}

void winograd_forward(Winograd *w, float *y, const float *x, int n, const float *kernel, const float *bias)
{
    conv_plan_set_weights(w->forward, kernel, bias);
    conv_plan_run(w->forward, x, n, y, w->scratch);
}

/* ---- Gradient by the input: the convolution of dy with the kernel turned by half a circle ---- */
typedef struct {
    const Conv2d *conv;
    const float *kernel;
    float *flipped;
} Flip;

static void turn_tap(guint tap, guint worker, gpointer data)
{
    const Flip *flip = data;
    gsize inputs = flip->conv->in[2], outputs = flip->conv->out[2];
    const float *from = flip->kernel + tap * inputs * outputs;
    float *to = flip->flipped + (taps_of(flip->conv) - 1 - tap) * inputs * outputs;
    for (gsize k = 0; k < outputs; k++)
        for (gsize c = 0; c < inputs; c++)
            to[k * inputs + c] = from[c * outputs + k];
}

void winograd_input_gradient(Winograd *w, float *dx, const float *dy, int n, const float *kernel)
{
    Flip flip = {&w->conv, kernel, w->flipped};
    g_assert(w->backward);
    thread_pool_run(w->thread_pool, (guint)taps_of(&w->conv), turn_tap, &flip);
    conv_plan_set_weights(w->backward, w->flipped, NULL);
    conv_plan_run(w->backward, dy, n, dx, w->scratch);
}

/* ---- Gradient by the kernel ---- */
typedef struct {
    const Winograd *w;
    const float *x, *dy;
    float *dkernel;
    int first, tiles; /* that are transformed together */
} Gradient;

/* Pointers to the pixels of a square of `side` whose upper left corner is (top, left) of an image (shape); zeros
 * where it reaches beyond the edges. */
static void square_pixels(const Winograd *w, const float *image, const int shape[3], int top, int left,
                          int side, const float **pixels)
{
    int height = shape[0], width = shape[1], channels = shape[2];
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++) {
            gboolean inside = y >= 0 && y < height && x >= 0 && x < width;
            *pixels++ = inside ? image + ((gsize)y * width + x) * channels : w->zeros;
        }
}

static void transform_tiles(guint task, guint worker, gpointer data)
{
    const Gradient *g = data;
    const Winograd *w = g->w;
    const WinogradKernels *kernels = w->kernels;
    const int *in = w->conv.in, *out = w->conv.out, inputs = in[2], outputs = out[2], pad = pad_of(&w->conv);
    const float *square[WINOGRAD_MAX];
    for (int t = (int)task * TILES_A_TASK; t < MIN(g->tiles, (int)(task + 1) * TILES_A_TASK); t++) {
        int image = (g->first + t) / (w->tiles_y * w->tiles_x),
            place = (g->first + t) % (w->tiles_y * w->tiles_x);
        int top = place / w->tiles_x * kernels->out, left = place % w->tiles_x * kernels->out;
        square_pixels(w, g->x + (gsize)image * in[0] * in[1] * inputs, in, top - pad, left - pad, kernels->in,
                      square);
        kernels->input(square, inputs, PRECISION_FLOAT32, w->v + (gsize)t * inputs, (gsize)TILES * inputs,
                       w->vector);
        square_pixels(w, g->dy + (gsize)image * out[0] * out[1] * outputs, out, top, left, kernels->out,
                      square);
        kernels->output_gradient(square, outputs, w->dm + (gsize)t * outputs, (gsize)TILES * outputs);
    }
}

static int output_blocks(const Winograd *w)
{
    return (w->conv.out[2] + OUTPUTS - 1) / OUTPUTS;
}

/* dU += V^T dM of a position and a block of output channels. */
static void multiply_position(guint task, guint worker, gpointer data)
{
    const Gradient *g = data;
    const Winograd *w = g->w;
    int inputs = w->conv.in[2], outputs = w->conv.out[2], blocks = output_blocks(w);
    gsize position = task / blocks, k = task % blocks * OUTPUTS;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, inputs, MIN(OUTPUTS, outputs - (int)k), g->tiles, 1,
                w->v + position * TILES * inputs, inputs, w->dm + position * TILES * outputs + k, outputs,
                g->first ? 1 : 0, w->du + position * inputs * outputs + k, outputs);
}

static void transform_back(guint input, guint worker, gpointer data)
{
    const Gradient *g = data;
    const Winograd *w = g->w;
    gsize inputs = w->conv.in[2], outputs = w->conv.out[2];
    w->kernels->kernel_gradient(w->du + input * outputs, inputs * outputs, (int)outputs,
                                g->dkernel + input * outputs, inputs * outputs);
}

void winograd_gradient(Winograd *w, float *dkernel, const float *x, const float *dy, int n)
{
    Gradient gradient = {.w = w, .x = x, .dy = dy, .dkernel = dkernel};
    int total = n * w->tiles_y * w->tiles_x;
    for (gradient.first = 0; gradient.first < total; gradient.first += TILES) {
        gradient.tiles = MIN(TILES, total - gradient.first);
        thread_pool_run(w->thread_pool, (gradient.tiles + TILES_A_TASK - 1) / TILES_A_TASK, transform_tiles,
                        &gradient);
        thread_pool_run(w->thread_pool, positions(w->kernels) * output_blocks(w), multiply_position,
                        &gradient);
    }
    thread_pool_run(w->thread_pool, w->conv.in[2], transform_back, &gradient);
}
