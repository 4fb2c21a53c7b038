/* conv_plan: what the methods of convolution (ConvMethod) share; private to the files that implement conv.h. */
#pragma once
#include "common/arithmetic/conv.h"
#include "common/arithmetic/kernels.h"

typedef struct ConvMethod ConvMethod;

struct ConvPlan {
    ConvShape shape;
    ThreadPool *thread_pool;
    const ConvKernels *kernels;
    const ConvMethod *method;
    int height, width; /* H' W' of the output before pooling */
    gsize weight_floats;
    float *weights; /* in the method's order */
    float *bias;    /* (K, up to a multiple of CONV_OUTPUTS; what lies beyond K is not used) */
    /* The scratch, in multiples of a cache line: shared by all workers, then for each worker */
    gsize shared_floats, worker_floats;
    float *scratch;      /* also of the kernel's gradient */
    const float *kernel; /* as set */
    ConvPlan *backward;  /* of the input gradient: from K to C channels; or NULL */

    /* For conv_winograd only, NULL else: */
    const WinogradKernels *winograd;
    int positions; /* P */
    int tiles_y, tiles_x;
    gboolean narrow; /* see conv.h */
    int tiles;       /* maximum number of tiles that a task multiplies at once */
};

struct ConvMethod {
    /* Sets weight_floats, shared_floats and worker_floats, and the method's own fields. */
    void (*prepare)(ConvPlan *plan);
    void (*pack)(ConvPlan *plan); /* kernel into weights */

    /* in, n, out: see conv_plan_run; shared and workers: the two parts of the scratch. */
    void (*run)(const ConvPlan *plan, const float *in, int n, float *out, float *shared, float *workers);

    /* dkernel (size, size, C, K) from x (n, H, W, C) and dy (n, H', W', K) of the whole batch, and the floats of scratch
     * that it needs for any n. Sums run in an order fixed by the shape and n. */
    gsize (*gradient_floats)(const ConvPlan *plan);
    void (*gradient)(const ConvPlan *plan, float *dkernel, const float *x, const float *dy, int n);
};

/* On Winograd's transformed tiles: dU is the sum of V^T (A dY A^T) over all tiles, and is transformed back once, G^T
 * dU G (winograd_gradient.c). */
gsize conv_winograd_gradient_floats(const ConvPlan *plan);
void conv_winograd_gradient(const ConvPlan *plan, float *dkernel, const float *x, const float *dy, int n);

extern const ConvMethod conv_direct, conv_winograd;

/* taps (size * size, n): of the kernel as set, for input channel c and output channels k … k + n - 1, n <= CONV_OUTPUTS. */
void conv_taps(const ConvPlan *plan, int c, int k, int n, float *taps);

/* The tile up to F(limit x limit) for this kernel size that needs the fewest multiplications, or the shape's tile if it
 * has one. NULL if there is none, or C or K does not fill vectors. */
const WinogradKernels *conv_fewest_products(const ConvShape *shape, int limit);

static inline const ConvKernels *conv_kernels_of(const ConvShape *shape)
{
    return shape->portable ? kernels_unfused() : kernels_current()->conv;
}

/* conv_winograd: the upper left output pixel of one of the tiles of all images, and its image. */
void conv_tile_place(const ConvPlan *plan, guint tile, int *image, int *y, int *x);

/* pixels (side, side): pointers to the pixels of the square with upper left corner (top, left) of an image with shape
 * H W C; beyond the edges they point to zeros (C). */
void conv_square_pixels(const float *image, const int shape[3], int top, int left, int side,
                        const float *zeros, const float **pixels);

enum {
    CONV_OUTPUTS = 32, /* output channels that every instruction set's vectors divide */
    POSITION_PADDING =
        80, /* floats between Winograd's positions, which otherwise would map to the same cache sets */
};

/* The start of part i of `total` divided into this many parts (parts_of), whose sizes differ by at most one. */
static inline guint part_start(guint total, guint parts, guint i)
{
    return (guint)((guint64)total * i / parts);
}
