/* conv_plan: what the ways to compute a convolution share; for the files of conv.h alone. A way is a ConvMethod. */
#pragma once
#include "common/arithmetic/conv.h"
#include "common/arithmetic/conv2d.h"
#include "common/arithmetic/kernels.h"

typedef struct ConvMethod ConvMethod;

struct ConvPlan {
    ConvShape shape;
    Precision precision;
    ThreadPool *thread_pool;
    const ConvKernels *kernels;
    const ConvMethod *method;
    int height, width; /* H' W' of the output before pooling */
    float *weights;    /* (method's weight_floats), in its own order */
    float *bias;       /* (K) */

    /* conv_winograd alone: */
    const WinogradKernels *winograd;
    int positions; /* P */
    int tiles_y, tiles_x;
    gboolean narrow; /* see conv.h */
    int tiles;       /* that a task multiplies at once, at most */
};

/* Sizes depend on the shape alone: they are asked for before there are weights or a thread pool. */
struct ConvMethod {
    gsize (*weight_floats)(const ConvPlan *plan);
    void (*pack)(ConvPlan *plan, const float *kernel); /* (size, size, C, K) into plan->weights */
    gsize (*shared_floats)(
        const ConvPlan *plan); /* of the scratch: for all workers together; multiples of a */
    gsize (*worker_floats)(const ConvPlan *plan); /* cache line, and for each worker after that */

    /* in, n, out as in conv_plan_run; shared and workers: the two parts of the scratch. */
    void (*run)(const ConvPlan *plan, const float *in, int n, float *out, float *shared, float *workers);
};
extern const ConvMethod conv_direct, conv_winograd;

/* Fills the fields of Winograd's method from the shape. */
void conv_winograd_init(ConvPlan *plan);

/* Of the tiles for this size of kernel, up to F(limit x limit), the one that needs the fewest products; the shape's own
 * tile where it names one. NULL where there is none. */
const WinogradKernels *conv_fewest_products(const ConvShape *shape, int limit);

static inline const ConvKernels *conv_kernels_of(const ConvShape *shape)
{
    return shape->portable ? kernels_unfused() : kernels_current()->conv;
}

/* A layer's convolution forward, without ReLU. */
ConvShape conv2d_forward_shape(const Conv2d *conv);

/* Copies n inputs or taps as the products of the plan's precision have them. */
void conv_take(const ConvPlan *plan, const float *from, gsize n, float *to);

/* pixels (side, side): pointers to the pixels of the square whose upper left corner is (top, left) of an image (H, W, C),
 * shape being H W C; to zeros (C) where it reaches beyond the edges. */
void conv_square_pixels(const float *image, const int shape[3], int top, int left, int side,
                        const float *zeros, const float **pixels);

enum {
    CONV_OUTPUTS = 32,              /* output channels are a multiple of this */
    CONV_LINE = 64 / sizeof(float), /* floats in a cache line */
};

static inline gsize conv_whole_lines(gsize floats)
{
    return (floats + CONV_LINE - 1) / CONV_LINE * CONV_LINE;
}

/* How many parts of `max` at most make up `total`, and where part i of so many starts; they differ by one at most. */
static inline guint parts_of(guint total, guint max)
{
    return (total + max - 1) / max;
}

static inline guint part_start(guint total, guint parts, guint i)
{
    return (guint)((guint64)total * i / parts);
}
