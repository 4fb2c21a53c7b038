/* kernels: the inner loops of dense layers and optimizers, compiled once per instruction set (common/simd/)
 * and chosen when the program starts. Results depend on the instruction set in the last bits, never on
 * anything else. */
#pragma once
#include <glib.h>

enum { STRIP = 32 }; /* columns of a packed strip: a matrix (P, STRIP) */

typedef enum { OPTIMIZER_ADAM, OPTIMIZER_RMSPROP, OPTIMIZER_SGD } OptimizerKind;

/* The numbers of one step, from optimizer_step() (optimizer.h). */
typedef struct {
    OptimizerKind kind;
    float rate; /* learning rate; of Adam with both bias corrections: rate * sqrt(1 - beta2^t) / (1 - beta1^t)
                 */
    float beta1; /* Adam */
    float beta2; /* Adam; RMSprop's rho */
    float epsilon;
    float momentum; /* SGD, RMSprop */
    float decay;    /* L2: the gradient grows by decay * w */
} OptimizerStep;

typedef struct {
    const char *name; /* baseline, avx2, avx512 */
    int rows;         /* the most rows a call of multiply takes, for the best rate */

    /* c (rows, STRIP) at a distance of ldc = a b, or c += a b where accumulate is set; a (rows, depth) has
     * its element (i, p) at a[i * row + p * column], b (depth, STRIP) is packed. */
    void (*multiply)(int rows, int depth, const float *a, gsize row, gsize column, const float *b, float *c,
                     gsize ldc, gboolean accumulate);

    /* n weights w by their gradient g; m and v are the optimizer's slots, NULL where it has none
     * (optimizer.h). */
    void (*update)(const OptimizerStep *step, int n, const float *g, float *w, float *m, float *v);
} Kernels;

const Kernels *kernels_best(void);
/* For tests: the i-th this processor can run, from the plainest on; NULL after the last. */
const Kernels *kernels_nth(guint i);
