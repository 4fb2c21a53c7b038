/* dense_kernels: the inner loops of dense layers and optimizers, a part of each instruction set's table (kernels.h).
 * Results depend on the instruction set in the last bits, never on anything else. */
#pragma once
#include <glib.h>

enum { STRIP = 32 }; /* columns of a packed strip: a matrix (P, STRIP) */

typedef enum { OPTIMIZER_ADAM, OPTIMIZER_RMSPROP, OPTIMIZER_SGD } OptimizerKind;
#define OPTIMIZER_CHOICES "adam|rmsprop|sgd"

/* The numbers of one step, from optimizer_step() (optimizer.h); complements are rounded from double, as Keras
 * does. */
typedef struct {
    OptimizerKind kind;
    /* learning rate; of Adam with both bias corrections: rate * sqrt(1 - beta2^t) / (1 - beta1^t) */
    float rate;
    float one_minus_beta1;        /* Adam: 1 - beta1 */
    float beta2, one_minus_beta2; /* Adam: beta2; RMSprop: rho; and 1 - that */
    float epsilon;
    float momentum; /* SGD, RMSprop */
    float decay;    /* L2: the gradient grows by decay * w */
} OptimizerStep;

typedef struct {
    int rows; /* the most rows a call of multiply takes, for the best rate */

    /* c (rows, STRIP) at a distance of ldc = a b, or c += a b where add is set; a (rows, depth) has
     * its element (i, p) at a[i * row + p * column], b (depth, STRIP) is packed. */
    void (*multiply)(int rows, int depth, const float *a, gsize row, gsize column, const float *b, float *c,
                     gsize ldc, gboolean add);

    /* n weights w by their gradient g; m and v are the optimizer's slots, NULL where it has none
     * (optimizer.h). */
    void (*update)(const OptimizerStep *step, int n, const float *g, float *w, float *m, float *v);
} DenseKernels;
