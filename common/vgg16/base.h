/* base: the frozen VGG16 base as a function from image tensors to the activations of one of its layers. */
#pragma once
#include "common/core/thread_pool.h"
#include "common/vgg16/weights.h"

typedef struct Base Base;

/* Default number of images per call: enough to read the large kernels once for many tiles. */
enum { BASE_DEFAULT_BATCH = 8 };

/* m of F(m x m) for the convolution with this index, for images of this side: the tile up to `limit` with the fewest
 * multiplications; 1: direct; 0: the convolution is after the cut. */
int base_tile(int cut, int side, int conv, int limit);

/* TRUE if the convolution can be computed with this tile, which need not be base_tile's; 0 if it is after the cut. */
gboolean base_has_tile(int cut, int side, int conv, int tile);

/* weights: borrowed only during the call (the base keeps transformed kernels). tiles (VGG16_CONVS): m of each
 * convolution, for which base_has_tile must hold, or 0 for base_tile's without a limit; NULL: all 0. cut: index in
 * vgg16_layers of the last layer to run. side: of the square input images, a multiple of the cut's shrink. batch:
 * maximum number of images per call of base_run. precision: of every convolution; activations and features are
 * float32. thread pool: borrowed until base_free. Takes base_memory bytes, in either precision, and aborts without
 * them. */
Base *base_new(const Weights *weights, const int *tiles, int cut, int side, int batch,
               ThreadPool *thread_pool);
void base_free(Base *base);

/* images: (n, side, side, 3) normalised (image_normalize); features: (n, H, W, K) of the cut. n <= batch.
 * Each image's result is the same to the bit for any n, batch, position in it and number of threads. */
void base_run(Base *base, const float *images, int n, float *features);

/* Bytes that base_new takes for these parameters, including those per thread. */
gsize base_memory(const int *tiles, int cut, int side, int batch, guint threads);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Base, base_free)
