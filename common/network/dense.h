/* dense: a dense layer on a batch, y = x W + b, with W (D, K) and b (K): forward, backward, update.
 *
 * A step is limited by reading and writing W and the optimizer's slots, so one pass does everything: it computes a
 * tile of the gradient, applies the optimizer to that tile, and multiplies the next batch by it while it is in the
 * processor's cache. Weights and slots cross memory once per step, and the whole gradient is never stored.
 *
 * Threads divide the columns of W, and every sum runs in an order fixed by the shapes: results are the same to the bit for
 * any number of threads. */
#pragma once
#include "common/arithmetic/dense_kernels.h"
#include "common/core/floats.h"
#include "common/core/thread_pool.h"

typedef struct {
    ThreadPool *thread_pool; /* borrowed */
    int features, units;     /* D, K */
    int batch;               /* images at most */
    float *scratch;
} Dense;

/* Takes scratch from the arena. passes_back: dense_input_gradient will be called. */
Dense dense_new(Arena *arena, int features, int units, int batch, gboolean passes_back,
                ThreadPool *thread_pool);

/* Transposed: column i of xt is image i. */
typedef struct {
    const float *xt; /* (D, batch) */
    int n;           /* images */
} DenseBatch;

typedef struct {
    DenseBatch batch;
    const float *dy; /* (n, K): gradient of the loss with respect to y */
    const OptimizerStep *step;
    Parameters kernel, bias; /* (D, K), (K) */
} DenseUpdate;

/* x: n rows of D floats, by pointer; xt: (D, batch). */
void dense_transpose(const Dense *dense, const float *const *x, int n, float *xt);

/* y (n, K) = x W + b. */
void dense_forward(const Dense *dense, DenseBatch batch, const float *kernel, const float *bias, float *y);

/* Computes the gradients dW = xᵀ dy and db = sum of dy's rows, and updates W and b. Weight decay does not apply to the
 * bias. Then y (n, K) is that of the next batch, the same to the bit as by dense_forward; without images, y may be NULL. */
void dense_update(const Dense *dense, const DenseUpdate *update, DenseBatch next, float *y);

/* dx (n, D) = dy Wᵀ; to be called before the update. */
void dense_input_gradient(const Dense *dense, const float *dy, int n, const float *kernel, float *dx);
