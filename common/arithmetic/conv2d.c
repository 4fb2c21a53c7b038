/* conv2d: see conv2d.h. Patches of the input are copied to the rows of a matrix (im2col; Chellapilla et al. 2006), a
 * few output rows at a time, so that the matrix stays in cache; OpenBLAS multiplies it. */
#include "common/arithmetic/conv2d.h"

#include "common/arithmetic/blas.h"
#include "common/arithmetic/kernel_gradient.h"
#include "common/core/floats.h"

#include <string.h>

enum {
    PATCH_FLOATS = 1 << 18,  /* approximate size of a task's patch matrix */
    GRADIENT_CHANNELS = 256, /* input channels per task of the kernel gradient */
};

typedef struct {
    const ConvShape *conv;
    int height, width;           /* H' W' */
    int n, rows_a_piece, pieces; /* an image is divided into `pieces` of rows_a_piece output rows */
    const float *x, *kernel, *bias, *dy;
    float *y, *dx, *dkernel;
} Work;

static Work work_of(const ConvShape *conv, int n)
{
    int height = conv_output_side(conv->height, conv), width = conv_output_side(conv->width, conv);
    gsize row = (gsize)width * conv->size * conv->size * conv->inputs;
    int rows = (int)CLAMP(PATCH_FLOATS / row, 1, (gsize)height);
    return (Work){.conv = conv,
                  .height = height,
                  .width = width,
                  .n = n,
                  .rows_a_piece = rows,
                  .pieces = (height + rows - 1) / rows};
}

static gsize patch_floats(const Work *w)
{
    const ConvShape *c = w->conv;
    return (gsize)w->rows_a_piece * w->width * c->size * c->size * c->inputs;
}

gsize conv2d_scratch(const ConvShape *conv)
{
    Work work = work_of(conv, 1);
    gsize pixels = (gsize)work.height * work.width;
    return MAX(patch_floats(&work), pixels * MIN(conv->inputs, GRADIENT_CHANNELS)) * sizeof(float);
}

/* Copies patches (rows * W', size, size, C) for one image's output rows from `first` on, with zeros beyond the edges.
 * If x is NULL, the inverse: adds patches to dx. */
static void move_patches(const Work *w, float *patches, const float *x, float *dx, int first, int rows)
{
    const ConvShape *c = w->conv;
    gsize channels = c->inputs;
    for (int oy = first; oy < first + rows; oy++)
        for (int ox = 0; ox < w->width; ox++)
            for (int ky = 0; ky < c->size; ky++) {
                int y = oy + ky - c->pad;
                for (int kx = 0; kx < c->size; kx++, patches += channels) {
                    int column = ox + kx - c->pad;
                    gboolean inside = y >= 0 && y < c->height && column >= 0 && column < c->width;
                    gsize at = inside ? ((gsize)y * c->width + column) * channels : 0;
                    if (x && inside)
                        memcpy(patches, x + at, channels * sizeof(float));
                    else if (x)
                        memset(patches, 0, channels * sizeof(float));
                    else if (inside)
                        for (gsize i = 0; i < channels; i++)
                            dx[at + i] += patches[i];
                }
            }
}

/* ---- Forward: a piece of an image per task ---- */
static void forward_piece(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    const ConvShape *c = w->conv;
    int image = (int)task / w->pieces, first = (int)task % w->pieces * w->rows_a_piece;
    int rows = MIN(w->rows_a_piece, w->height - first), pixels = rows * w->width,
        depth = c->size * c->size * c->inputs;
    float *patches = floats_new(patch_floats(w));
    float *y = w->y + image * conv_outputs(c) + (gsize)first * w->width * c->outputs;
    move_patches(w, patches, w->x + image * conv_inputs(c), NULL, first, rows);
    for (int p = 0; p < pixels; p++)
        memcpy(y + (gsize)p * c->outputs, w->bias, c->outputs * sizeof(float));
    blas()->cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, pixels, c->outputs, depth, 1, patches,
                        depth, w->kernel, c->outputs, 1, y, c->outputs);
    for (gsize i = 0; c->relu && i < (gsize)pixels * c->outputs; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
    floats_free(patches);
}

void conv2d_forward(ThreadPool *thread_pool, float *y, const float *x, int n, const ConvShape *conv,
                    const float *kernel, const float *bias)
{
    Work work = work_of(conv, n);
    work.x = x;
    work.y = y;
    work.kernel = kernel;
    work.bias = bias;
    thread_pool_run(thread_pool, (guint)n * work.pieces, forward_piece, &work);
}

/* ---- Kernel gradient: one tap and a block of input channels per task, image after image ---- */

/* shifted (H' W', channels): for each output pixel the input pixel under the tap (ky, kx). */
static void gather_shifted(const Work *w, float *shifted, const float *x, int ky, int kx, int channel,
                           int channels)
{
    const ConvShape *c = w->conv;
    for (int oy = 0; oy < w->height; oy++)
        for (int ox = 0; ox < w->width; ox++, shifted += channels) {
            int y = oy + ky - c->pad, column = ox + kx - c->pad;
            if (y >= 0 && y < c->height && column >= 0 && column < c->width)
                memcpy(shifted, x + ((gsize)y * c->width + column) * c->inputs + channel,
                       channels * sizeof(float));
            else
                memset(shifted, 0, channels * sizeof(float));
        }
}

static void kernel_gradient_block(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    const ConvShape *c = w->conv;
    int blocks = (c->inputs + GRADIENT_CHANNELS - 1) / GRADIENT_CHANNELS, tap = (int)task / blocks;
    int channel = (int)task % blocks * GRADIENT_CHANNELS,
        channels = MIN(GRADIENT_CHANNELS, c->inputs - channel);
    int pixels = w->height * w->width;
    float *shifted = floats_new((gsize)pixels * channels);
    float *dkernel = w->dkernel + ((gsize)tap * c->inputs + channel) * c->outputs;
    for (int image = 0; image < w->n; image++) {
        gather_shifted(w, shifted, w->x + image * conv_inputs(c), tap / c->size, tap % c->size, channel,
                       channels);
        blas()->cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, channels, c->outputs, pixels, 1, shifted,
                            channels, w->dy + image * conv_outputs(c), c->outputs, image ? 1 : 0, dkernel,
                            c->outputs);
    }
    floats_free(shifted);
}

static void kernel_gradient(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                            const ConvShape *conv, float *scratch)
{
    Work work = work_of(conv, n);
    work.x = x;
    work.dy = dy;
    work.dkernel = dkernel;
    int blocks = (conv->inputs + GRADIENT_CHANNELS - 1) / GRADIENT_CHANNELS;
    thread_pool_run(thread_pool, (guint)(conv->size * conv->size * blocks), kernel_gradient_block, &work);
}

static gboolean serves_any(const ConvShape *conv)
{
    return TRUE;
}

static gsize no_scratch(const ConvShape *conv, guint threads)
{
    return 0;
}

const KernelGradient im2col_gradient = {serves_any, no_scratch, kernel_gradient};

/* ---- Input gradient: an image per task ---- */
static void input_gradient_image(guint image, guint worker, gpointer data)
{
    const Work *w = data;
    const ConvShape *c = w->conv;
    int depth = c->size * c->size * c->inputs;
    float *patches = floats_new(patch_floats(w)), *dx = w->dx + image * conv_inputs(c);
    memset(dx, 0, conv_inputs(c) * sizeof(float));
    for (int first = 0; first < w->height; first += w->rows_a_piece) {
        int rows = MIN(w->rows_a_piece, w->height - first);
        const float *dy = w->dy + image * conv_outputs(c) + (gsize)first * w->width * c->outputs;
        blas()->cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows * w->width, depth, c->outputs, 1,
                            dy, c->outputs, w->kernel, c->outputs, 0, patches, depth);
        move_patches(w, patches, NULL, dx, first, rows);
    }
    floats_free(patches);
}

void conv2d_input_gradient(ThreadPool *thread_pool, float *dx, const float *dy, int n, const ConvShape *conv,
                           const float *kernel)
{
    Work work = work_of(conv, n);
    work.dx = dx;
    work.dy = dy;
    work.kernel = kernel;
    thread_pool_run(thread_pool, (guint)n, input_gradient_image, &work);
}
