/* dense_kernels: the inner loops of dense layers and optimizers, part of each instruction set's table (kernels.h).
 * The last bits of results depend on the instruction set, and on nothing else. */
#pragma once
#include <glib.h>

enum { STRIP = 32 }; /* columns of a packed strip: a matrix (P, STRIP) */

typedef enum { OPTIMIZER_ADAM, OPTIMIZER_RMSPROP, OPTIMIZER_SGD } OptimizerKind;
#define OPTIMIZER_CHOICES "adam|rmsprop|sgd"

/* The coefficients of one step, from optimizer_step() (optimizer.h); 1 - beta is rounded from double, as in Keras. */
typedef struct {
    OptimizerKind kind;
    /* Learning rate; for Adam with both bias corrections: rate * sqrt(1 - beta2^t) / (1 - beta1^t) */
    float rate;
    float one_minus_beta1;        /* Adam: 1 - beta1 */
    float beta2, one_minus_beta2; /* Adam: beta2; RMSprop: rho; and 1 - that */
    float epsilon;
    float momentum; /* SGD, RMSprop */
    float decay;    /* L2: the gradient grows by decay * w */
} OptimizerStep;

/* Weights that learn, and the optimizer's slots for them, shaped alike; NULL if it has none (optimizer.h). */
typedef struct {
    float *w, *m, *v;
} Parameters;

static inline Parameters parameters_from(const Parameters *p, gsize first)
{
    return (Parameters){p->w + first, p->m ? p->m + first : NULL, p->v ? p->v + first : NULL};
}

typedef struct {
    int rows; /* maximum number of rows per call of multiply, which is the most efficient one */

    /* c (rows, STRIP) with leading dimension ldc = a b, or c += a b with add; element (i, p) of a (rows, depth) is
     * a[i * row + p * column]; b (depth, STRIP) is packed. */
    void (*multiply)(int rows, int depth, const float *a, gsize row, gsize column, const float *b, float *c,
                     gsize ldc, gboolean add);

    /* Updates n weights with their gradient g. */
    void (*update)(const OptimizerStep *step, int n, const float *g, Parameters weights);
} DenseKernels;
