/* winograd_gradient: see kernel_gradient.h. TILES tiles at a time are transformed, then multiplied, one task for some
 * channels of a position. Vectors of channels are stored tile after tile, (P, C/width, tiles, width), so that products
 * read both factors sequentially. */
#include "common/arithmetic/conv_plan.h"
#include "common/arithmetic/kernel_gradient.h"

#include <string.h>

enum {
    TILES = 256,           /* transformed together: two vectors of channels of a position fill the L1 cache */
    TILES_A_TASK = 16,     /* for transforms */
    CHANNELS_A_TASK = 128, /* for products */
    POSITION_PADDING = 80, /* floats between positions, which otherwise would map to the same cache sets */
};

typedef struct {
    const ConvShape *conv;
    int in[3], out[3]; /* H W C, H' W' K */
    const ConvKernels *kernels;
    const WinogradKernels *tile;
    int positions, tiles_y, tiles_x;
    gsize v_stride, dm_stride, du_stride; /* between positions */
    float *zeros;                         /* (C or K, the larger): pixels beyond the edges */
    float *v;                             /* (P, C/width, TILES, width): transformed input */
    float *dm;                            /* (P, K/width, TILES, width): gradient of the products */
    float *du;                            /* (P, C, K): gradient of the transformed kernel */
    const float *x, *dy;
    float *dkernel;
    int first, tiles; /* transformed together */
} Work;

static Work work_of(const ConvShape *conv)
{
    gsize inputs = conv->inputs, outputs = conv->outputs;
    int height = conv_output_side(conv->height, conv), width = conv_output_side(conv->width, conv);
    const WinogradKernels *tile = conv_fewest_products(conv, CONV_LARGEST_TILE);
    return (Work){
        .conv = conv,
        .in = {conv->height, conv->width, conv->inputs},
        .out = {height, width, conv->outputs},
        .kernels = kernels_current()->conv,
        .tile = tile,
        .positions = tile->in * tile->in,
        .tiles_y = (height + tile->out - 1) / tile->out,
        .tiles_x = (width + tile->out - 1) / tile->out,
        .v_stride = TILES * inputs + POSITION_PADDING,
        .dm_stride = TILES * outputs + POSITION_PADDING,
        .du_stride = inputs * outputs + POSITION_PADDING,
    };
}

static gsize scratch_floats(const ConvShape *conv, guint threads)
{
    Work w = work_of(conv);
    return MAX(conv->inputs, conv->outputs) + w.positions * (w.v_stride + w.dm_stride + w.du_stride);
}

static void set_scratch(Work *w, float *scratch)
{
    gsize zeros = MAX(w->conv->inputs, w->conv->outputs);
    w->zeros = scratch;
    w->v = scratch + zeros;
    w->dm = w->v + w->positions * w->v_stride;
    w->du = w->dm + w->positions * w->dm_stride;
    memset(w->zeros, 0, zeros * sizeof(float));
}

static void transform_tiles(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    const WinogradKernels *tile = w->tile;
    const int *in = w->in, *out = w->out, pad = w->conv->pad;
    const float *square[WINOGRAD_MAX];
    int vector = w->kernels->width, an_image = w->tiles_y * w->tiles_x;
    for (int t = (int)task * TILES_A_TASK; t < MIN(w->tiles, (int)(task + 1) * TILES_A_TASK); t++) {
        int image = (w->first + t) / an_image, place = (w->first + t) % an_image;
        int top = place / w->tiles_x * tile->out, left = place % w->tiles_x * tile->out;
        conv_square_pixels(w->x + (gsize)image * in[0] * in[1] * in[2], in, top - pad, left - pad, tile->in,
                           w->zeros, square);
        tile->input(square, in[2], w->v + t * vector, w->v_stride, (gsize)TILES * vector);
        conv_square_pixels(w->dy + (gsize)image * out[0] * out[1] * out[2], out, top, left, tile->out,
                           w->zeros, square);
        tile->output_gradient(square, out[2], w->dm + t * vector, w->dm_stride, (gsize)TILES * vector);
    }
}

/* dU += V^T dM for some input channels of a position. */
static void multiply_position(guint task, guint worker, gpointer data)
{
    const Work *w = data;
    int inputs = w->conv->inputs, outputs = w->conv->outputs, vector = w->kernels->width;
    guint parts = parts_of((guint)inputs, CHANNELS_A_TASK);
    gsize position = task / parts;
    int begin = (int)(task % parts) * CHANNELS_A_TASK, end = MIN(begin + CHANNELS_A_TASK, inputs);
    const float *v = w->v + position * w->v_stride, *dm = w->dm + position * w->dm_stride;
    float *du = w->du + position * w->du_stride;
    for (int c = begin; c < end; c += vector)
        for (int k = 0; k < outputs; k += vector)
            w->kernels->correlate(v + (gsize)c * TILES, vector, dm + (gsize)k * TILES, vector, w->tiles,
                                  vector, du + (gsize)c * outputs + k, outputs, w->first > 0);
}

static void transform_back(guint input, guint worker, gpointer data)
{
    const Work *w = data;
    gsize inputs = w->conv->inputs, outputs = w->conv->outputs;
    w->tile->kernel_gradient(w->du + input * outputs, w->du_stride, (int)outputs,
                             w->dkernel + input * outputs, inputs * outputs);
}

static void run(ThreadPool *thread_pool, float *dkernel, const float *x, const float *dy, int n,
                const ConvShape *conv, float *scratch)
{
    Work w = work_of(conv);
    set_scratch(&w, scratch);
    w.x = x;
    w.dy = dy;
    w.dkernel = dkernel;
    int total = n * w.tiles_y * w.tiles_x;
    for (w.first = 0; w.first < total; w.first += TILES) {
        w.tiles = MIN(TILES, total - w.first);
        thread_pool_run(thread_pool, parts_of((guint)w.tiles, TILES_A_TASK), transform_tiles, &w);
        thread_pool_run(thread_pool, (guint)w.positions * parts_of((guint)conv->inputs, CHANNELS_A_TASK),
                        multiply_position, &w);
    }
    thread_pool_run(thread_pool, (guint)conv->inputs, transform_back, &w);
}

const KernelGradient winograd_gradient = {scratch_floats, run};
