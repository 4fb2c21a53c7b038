/* base: the frozen VGG16 base as a function from image tensors to the activations of one of its layers. */
#pragma once
#include "common/arithmetic/precision.h"
#include "common/core/thread_pool.h"
#include "common/vgg16/weights.h"

typedef struct Base Base;

/* Images a call takes where the user does not say: enough to read the large kernels once for many tiles. */
enum { BASE_DEFAULT_BATCH = 8 };

/* m of F(m x m) for the convolution with this index among them: that with the fewest products, of those up to `limit`,
 * where images of this side run to the cut; 1: directly. 0 where the convolution is behind the cut. */
int base_tile(int cut, int side, int conv, int limit);

/* Whether that convolution can be computed so: in more ways than base_tile names. 0 is the one behind the cut. */
gboolean base_has_tile(int cut, int side, int conv, int tile);

/* weights: borrowed only during the call (kernels are transformed and kept). tiles (VGG16_CONVS), or NULL: m of each
 * convolution, one that base_has_tile; where it is 0 base_tile's without a limit. cut: index in vgg16_layers of
 * the last layer to run. side: of the square input images, a multiple of the cut's shrink. batch: the most
 * images a call of base_run takes. precision: of every convolution; activations and features are float32.
 * thread pool: borrowed until base_free. Never fails; what it needs is base_memory, in either precision. */
Base *base_new(const Weights *weights, const int *tiles, int cut, int side, int batch, Precision precision,
               ThreadPool *thread_pool);
void base_free(Base *base);

/* images: (n, side, side, 3) normalised (image_normalize); features: (n, H, W, K) of the cut. n <= batch.
 * Each image's result is the same to the bit whatever n, the batch, its place in it and the number of
 * threads. */
void base_run(Base *base, const float *images, int n, float *features);

/* Bytes base_new will hold for these parameters, threads included. */
gsize base_memory(const int *tiles, int cut, int side, int batch, guint threads);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Base, base_free)
