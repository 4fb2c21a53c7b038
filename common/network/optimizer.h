/* optimizer: Adam (Kingma & Ba 2014), RMSprop (Hinton 2012) and SGD with momentum, by the formulas and
 * defaults of Keras 3 (keras/src/optimizers/{adam,rmsprop,sgd}.py), at step t = 1, 2, …:
 *
 *   adam     m += (g - m) (1 - beta1);  v += (g² - v) (1 - beta2)
 *            w -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon)
 *   rmsprop  v = rho v + (1 - rho) g²;  m = momentum m + rate g / sqrt(v + epsilon);  w -= m
 *   sgd      m = momentum m - rate g;  w += m
 *
 * Weight decay is the L2 penalty decay/2 |w|² on kernels, added to the gradient: g + decay w (PyTorch's weight_decay;
 * Keras's kernel_regularizer=L2(decay / 2)). As in Keras the losses include it. */
#pragma once
#include "common/arithmetic/dense_kernels.h"
#include "common/core/thread_pool.h"

typedef struct {
    OptimizerKind kind;
    double learning_rate;
    double beta1; /* Adam */
    double beta2; /* Adam; RMSprop's rho */
    double epsilon;
    double momentum; /* SGD, RMSprop */
    double weight_decay;
} Optimizer;

/* With Keras's defaults. */
Optimizer optimizer_default(OptimizerKind kind);

/* Whether the optimizer keeps slots m and v for every weight; otherwise they are NULL. */
gboolean optimizer_has_m(const Optimizer *optimizer);
gboolean optimizer_has_v(const Optimizer *optimizer);
guint optimizer_slots(const Optimizer *optimizer); /* how many of these: 0, 1 or 2 */

/* The coefficients of step t, counted from 1. */
OptimizerStep optimizer_step(const Optimizer *optimizer, guint64 t);

/* Updates count weights with their gradient g. */
void optimizer_update(ThreadPool *thread_pool, const OptimizerStep *step, gsize count, const float *g,
                      const Parameters *weights);
