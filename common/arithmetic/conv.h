/* conv: one convolution of 3x3 or 5x5, stride 1, with bias, ReLU and 2x2 max-pooling, planned once and run often.
 *
 * Where the input channels fill vectors, by Winograd's minimal filtering (common/arithmetic/conv_kernels.h) with
 * the tile that needs the fewest products for the shape; the small first layer directly. The multiplication
 * is our own: kernels are transformed and packed once, in the order in which the micro-kernel reads them; the
 * input transform writes its other factor in the micro-kernel's order too; the inverse transform, bias, ReLU
 * and pooling follow while the products are in the L2 cache.
 *
 * Two ways to cut the work. A wide layer (few channels, many tiles: block1 and block2): a task takes some
 * tiles through all stages in its own cache, reading the kernels (at most 4 MB) from L3. A narrow one (many
 * channels, few tiles: block3 to block5): the tiles are transformed together, then a task takes a slice of
 * output channels for some of them, so that the kernels (up to 85 MB) come from memory once for all tiles of
 * the batch that fit. How large the parts are follows from the processor's caches.
 *
 * Every output is the same sum in the same order however the work is cut: results do not depend on n, the
 * image's place or the thread pool. They do in the last bits on the instruction set. */
#pragma once
#include "common/arithmetic/precision.h"
#include "common/core/thread_pool.h"

typedef struct {
    int height, width; /* H W of the input */
    int inputs;        /* C: any for a direct layer, a multiple of 16 for a Winograd one */
    int outputs;       /* K: a multiple of 32 */
    gboolean relu;
    gboolean pool; /* 2x2, stride 2; odd rows and columns at the end are dropped. Winograd layers only, which
                      it keeps from the tiles of odd sides */
    int size;      /* of the kernel's side: 3 or 5 */
    int pad;  /* zeros beyond each edge: size / 2 for padding 'same', 0 for 'valid', size - 1 for all that an
                      input pixel has a part in */
    int tile; /* m of F(m x m), one that there is for this size; 1: directly; 0: what conv_tile chooses */
    gboolean portable; /* slower, but the same bits on every machine: no fused multiply-adds */
} ConvShape;

/* H' or W' of the output before pooling, at least 1, from H or W. */
int conv_output_side(int side, const ConvShape *shape);

typedef struct ConvPlan ConvPlan;

/* Aborts where there is no memory; thread pool is borrowed until conv_plan_free. Holds conv_plan_memory bytes, in
 * either precision. Weights have to be set before it is run. */
ConvPlan *conv_plan_new(const ConvShape *shape, Precision precision, ThreadPool *thread_pool);
void conv_plan_free(ConvPlan *plan);
gsize conv_plan_memory(const ConvShape *shape);

/* kernel: (size, size, C, K) HWIO; bias: (K) or NULL for none. Both copied. May be called again. */
void conv_plan_set_weights(ConvPlan *plan, const float *kernel, const float *bias);

/* Floats of scratch that a run needs, whatever n; may be shared by plans that run one after the other. */
gsize conv_scratch_floats(const ConvShape *shape, guint threads);

/* TRUE where many images should be run at once because the kernels have to be fetched from memory; then the
 * tile matters more than a pass over the output, and pooling is better left to pooling.h. */
gboolean conv_wants_batch(const ConvShape *shape);

/* m of the tile that needs the fewest products for the shape, of those up to `limit`; 1 where there is none, as where C
 * fills no vectors. Large tiles round more: their transforms' terms grow large, and cancel in the end. */
int conv_tile(const ConvShape *shape, int limit);
enum { CONV_LARGEST_TILE = 7 };

/* For people: "direct" for 1, "F(2x2)" to "F(7x7)". */
const char *conv_tile_name(int tile);

/* in: (n, H, W, C); out: (n, H', W', K), or (n, H'/2, W'/2, K) pooled. in and out do not overlap. scratch: of
 * floats_new (common/core/floats.h), contents of no consequence. */
void conv_plan_run(ConvPlan *plan, const float *in, int n, float *out, float *scratch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConvPlan, conv_plan_free)
