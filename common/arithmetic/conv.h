/* conv: one convolution, stride 1, with bias, ReLU and 2x2 max-pooling, planned once and run often, and its gradients.
 *
 * If it is 3x3 or 5x5 and its channels fill vectors, it uses Winograd's minimal filtering
 * (common/arithmetic/conv_kernels.h) with the tile that needs the fewest multiplications for the shape; the small first
 * layer, and any other shape, is computed directly. The matrix product is our own: kernels are transformed and packed
 * once, in the order in which the micro-kernel reads them; the input transform writes the other factor in the
 * micro-kernel's order too; inverse transform, bias, ReLU and pooling follow while the products are in the L2 cache.
 *
 * The work is divided in one of two ways. A wide layer (few channels, many tiles: block1 and block2): a task takes
 * some tiles through all stages in its core's cache, reading the kernels (at most 4 MB) from L3. A narrow layer (many
 * channels, few tiles: block3 to block5): the tiles are transformed together, then a task computes a slice of output
 * channels for some of them, so that the kernels (up to 85 MB) are read from memory once for as many tiles of the
 * batch as fit. The sizes of the parts follow from the processor's caches.
 *
 * However the work is divided, every output is the same sum in the same order: results do not depend on n, the
 * image's position in the batch or the thread pool. Their last bits depend on the instruction set.
 *
 * The input gradient is the convolution of dy with the kernel turned by 180 degrees; the kernel gradient is computed by
 * the method of the output. Relative L2 error against float64: up to 1.1e-5 for output and input gradient, 6e-6 for the
 * kernel gradient (the tests allow 2e-5 and 1e-5). NaN stays NaN. */
#pragma once
#include "common/core/floats.h"
#include "common/core/thread_pool.h"

typedef struct {
    int height, width; /* H W of the input */
    int inputs;        /* C: by Winograd a multiple of 16 */
    int outputs;       /* K: by Winograd a multiple of 32 */
    gboolean relu;
    /* 2x2, stride 2; odd rows and columns at the end are dropped. Only by Winograd with tiles of even side */
    gboolean pool;
    int size; /* side of the kernel, odd; by Winograd 3 or 5 */
    int pad;  /* zeros beyond each edge: size / 2 for padding 'same', 0 for 'valid', size - 1 for 'full' */
    int tile; /* m of F(m x m), if available for this size; 1: direct; 0: the choice of conv_tile */
    gboolean portable; /* slower, but the same bits on every machine: no fused multiply-adds */
    /* The kernel is given as that of the convolution from K to C channels whose gradient this is: turned by 180 degrees,
     * (size, size, K, C) */
    gboolean flipped;
} ConvShape;

/* H' or W' of the output before pooling, at least 1, from H or W. */
static inline int conv_output_side(int side, const ConvShape *shape)
{
    return side + 2 * shape->pad - shape->size + 1;
}

/* Floats of an image's input, of its output before pooling, and of the kernel. */
gsize conv_inputs(const ConvShape *shape);
gsize conv_outputs(const ConvShape *shape);
gsize conv_weights(const ConvShape *shape);

typedef struct ConvPlan ConvPlan;

typedef enum {
    CONV_FORWARD,
    CONV_KERNEL_GRADIENT,
    CONV_BOTH_GRADIENTS
} ConvUse; /* which of the functions below will be called, apart from run and bias gradient */

/* Takes the weights' memory and scratch from the arena; while that measures, all else may only be freed. The thread pool
 * is borrowed until conv_plan_free. Weights must be set before it is run. The shape pools only with CONV_FORWARD. */
ConvPlan *conv_plan_new(Arena *arena, const ConvShape *shape, ConvUse use, ThreadPool *thread_pool);
void conv_plan_free(ConvPlan *plan); /* NULL allowed */

/* kernel: (size, size, C, K) HWIO, which the input gradient borrows; bias: (K) or NULL for none. Both copied for all else.
 * May be called again. */
void conv_plan_set_weights(ConvPlan *plan, const float *kernel, const float *bias);

/* TRUE if many images should be run at once, because the kernels must be read from memory; then the best tile saves
 * more than fused pooling, which is better left to pooling.h. */
gboolean conv_wants_batch(const ConvShape *shape);

/* m of the tile up to `limit` that needs the fewest multiplications for the shape; 1 (direct) if there is none or C or K
 * does not fill vectors. Large tiles have larger rounding errors: the terms of their transforms grow large and
 * cancel. */
int conv_tile(const ConvShape *shape, int limit);
enum { CONV_LARGEST_TILE = 7 };

/* For display: "direct" for 1, "F(2x2)" to "F(7x7)". */
const char *conv_tile_name(int tile);

/* in: (n, H, W, C); out: (n, H', W', K), or (n, H'/2, W'/2, K) pooled. in and out must not overlap. */
void conv_plan_run(ConvPlan *plan, const float *in, int n, float *out);

/* Turns dy, the gradient with respect to the output, out (n, H', W', K), into that before ReLU, and sums it to dbias (K).
 * The next two take the resulting dy. */
void conv_plan_bias_gradient(ConvPlan *plan, float *dbias, float *dy, const float *out, int n);

/* dkernel, summed over the batch. */
void conv_plan_kernel_gradient(ConvPlan *plan, float *dkernel, const float *in, const float *dy, int n);

void conv_plan_input_gradient(ConvPlan *plan, float *dx, const float *dy, int n);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConvPlan, conv_plan_free)
