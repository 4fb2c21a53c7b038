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
    const Conv2d *conv;
    int n, pad, rows_a_piece, pieces; /* an image is divided into `pieces` of rows_a_piece output rows */
    const float *x, *kernel, *bias, *dy;
    float *y, *dx, *dkernel;
    gboolean relu;
} Work;

static Work work_of(const Conv2d *conv, int n)
{
    gsize row = (gsize)conv->out[1] * conv->size * conv->size * conv->in[2];
    int rows = (int)CLAMP(PATCH_FLOATS / row, 1, (gsize)conv->out[0]);
    return (Work){.conv = conv,
                  .n = n,
                  .pad = conv2d_pad(conv),
                  .rows_a_piece = rows,
                  .pieces = (conv->out[0] + rows - 1) / rows};
}

static gsize patch_floats(const Work *w)
{
    const Conv2d *c = w->conv;
    return (gsize)w->rows_a_piece * c->out[1] * c->size * c->size * c->in[2];
}

gsize conv2d_scratch(const Conv2d *conv)
{
    Work work = work_of(conv, 1);
    gsize pixels = (gsize)conv->out[0] * conv->out[1];
    return MAX(patch_floats(&work), pixels * MIN(conv->in[2], GRADIENT_CHANNELS)) * sizeof(float);
}

static gsize count(const int shape[3])
{
    return (gsize)shape[0] * shape[1] * shape[2];
}

/* Copies patches (rows * W', size, size, C) for one image's output rows from `first` on, with zeros beyond the edges.
 * If x is NULL, the inverse: adds patches to dx. */
static void move_patches(const Work *w, float *patches, const float *x, float *dx, int first, int rows)
{
    const Conv2d *c = w->conv;
    gsize channels = c->in[2];
    for (int oy = first; oy < first + rows; oy++)
        for (int ox = 0; ox < c->out[1]; ox++)
            for (int ky = 0; ky < c->size; ky++) {
                int y = oy + ky - w->pad;
                for (int kx = 0; kx < c->size; kx++, patches += channels) {
                    int column = ox + kx - w->pad;
                    gboolean inside = y >= 0 && y < c->in[0] && column >= 0 && column < c->in[1];
                    gsize at = inside ? ((gsize)y * c->in[1] + column) * channels : 0;
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
    const Conv2d *c = w->conv;
    int image = (int)task / w->pieces, first = (int)task % w->pieces * w->rows_a_piece;
    int rows = MIN(w->rows_a_piece, c->out[0] - first), pixels = rows * c->out[1],
        depth = c->size * c->size * c->in[2];
    float *patches = floats_new(patch_floats(w));
    float *y = w->y + image * count(c->out) + (gsize)first * c->out[1] * c->out[2];
    move_patches(w, patches, w->x + image * count(c->in), NULL, first, rows);
    for (int p = 0; p < pixels; p++)
        memcpy(y + (gsize)p * c->out[2], w->bias, c->out[2] * sizeof(float));
    blas()->cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, pixels, c->out[2], depth, 1, patches,
                        depth, w->kernel, c->out[2], 1, y, c->out[2]);
    for (gsize i = 0; w->relu && i < (gsize)pixels * c->out[2]; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
    floats_free(patches);
}

void conv2d_forward(ThreadPool *thread_pool, float *y, const float *x, int n, const Conv2d *conv,
                    const float *kernel, const float *bias, gboolean relu)
{
    Work work = work_of(conv, n);
    work.x = x;
    work.y = y;
    work.kernel = kernel;
    work.bias = bias;
    work.relu = relu;
    thread_pool_run(thread_pool, (guint)n * work.pieces, forward_piece, &work);
}

/* ---- Kernel gradient: one tap and a block of input channels per task, image after image ---- */

/* shifted (H' W', channels): for each output pixel the input pixel under the tap (ky, kx). */
static void gather_shifted(const Work *w, float *shifted, const float *x, int ky, int kx, int channel,
                           int channels)
{
    const Conv2d *c = w->conv;
    for (int oy = 0; oy < c->out[0]; oy++)
        for (int ox = 0; ox < c->out[1]; ox++, shifted += channels) {
            int y = oy + ky - w->pad, column = ox + kx - w->pad;
            if (y >= 0 && y < c->in[0] && column >= 0 && column < c->in[1])
                memcpy(shifted, x + ((gsize)y * c->in[1] + column) * c->in[2] + channel,
                       channels * sizeof(float));
            else
                memset(shifted, 0, channels * sizeof(float));
        }
}

static void kernel_gradient_block(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    const Conv2d *c = w->conv;
    int blocks = (c->in[2] + GRADIENT_CHANNELS - 1) / GRADIENT_CHANNELS, tap = (int)task / blocks;
    int channel = (int)task % blocks * GRADIENT_CHANNELS,
        channels = MIN(GRADIENT_CHANNELS, c->in[2] - channel);
    int pixels = c->out[0] * c->out[1];
    float *shifted = floats_new((gsize)pixels * channels);
    float *dkernel = w->dkernel + ((gsize)tap * c->in[2] + channel) * c->out[2];
    for (int image = 0; image < w->n; image++) {
        gather_shifted(w, shifted, w->x + image * count(c->in), tap / c->size, tap % c->size, channel,
                       channels);
        blas()->cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, channels, c->out[2], pixels, 1, shifted,
                            channels, w->dy + image * count(c->out), c->out[2], image ? 1 : 0, dkernel,
                            c->out[2]);
    }
    floats_free(shifted);
}

static void kernel_gradient(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                            const Conv2d *conv, float *scratch)
{
    Work work = work_of(conv, n);
    work.x = x;
    work.dy = dy;
    work.dkernel = dkernel;
    int blocks = (conv->in[2] + GRADIENT_CHANNELS - 1) / GRADIENT_CHANNELS;
    thread_pool_run(thread_pool, (guint)(conv->size * conv->size * blocks), kernel_gradient_block, &work);
}

static gboolean serves_any(const Conv2d *conv)
{
    return TRUE;
}

static gsize no_scratch(const Conv2d *conv, guint threads)
{
    return 0;
}

const KernelGradient im2col_gradient = {serves_any, no_scratch, kernel_gradient};

/* ---- Input gradient: an image per task ---- */
static void input_gradient_image(guint image, guint worker, gpointer data)
{
    const Work *w = data;
    const Conv2d *c = w->conv;
    int depth = c->size * c->size * c->in[2];
    float *patches = floats_new(patch_floats(w)), *dx = w->dx + image * count(c->in);
    memset(dx, 0, count(c->in) * sizeof(float));
    for (int first = 0; first < c->out[0]; first += w->rows_a_piece) {
        int rows = MIN(w->rows_a_piece, c->out[0] - first);
        const float *dy = w->dy + image * count(c->out) + (gsize)first * c->out[1] * c->out[2];
        blas()->cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows * c->out[1], depth, c->out[2], 1,
                            dy, c->out[2], w->kernel, c->out[2], 0, patches, depth);
        move_patches(w, patches, NULL, dx, first, rows);
    }
    floats_free(patches);
}

void conv2d_input_gradient(ThreadPool *thread_pool, float *dx, const float *dy, int n, const Conv2d *conv,
                           const float *kernel)
{
    Work work = work_of(conv, n);
    work.dx = dx;
    work.dy = dy;
    work.kernel = kernel;
    thread_pool_run(thread_pool, (guint)n, input_gradient_image, &work);
}
