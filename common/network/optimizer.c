/* optimizer: see optimizer.h; the arithmetic is in common/arithmetic/simd/dense_kernels.c. */
#include "common/network/optimizer.h"

#include "common/arithmetic/kernels.h"

#include <math.h>

Optimizer optimizer_default(OptimizerKind kind)
{
    static const Optimizer defaults[] = {
        [OPTIMIZER_ADAM] = {OPTIMIZER_ADAM, 1e-3, 0.9, 0.999, 1e-7, 0, 0},
        [OPTIMIZER_RMSPROP] = {OPTIMIZER_RMSPROP, 1e-3, 0, 0.9, 1e-7, 0, 0},
        [OPTIMIZER_SGD] = {OPTIMIZER_SGD, 1e-2, 0, 0, 0, 0, 0},
    };
    return defaults[kind];
}

gboolean optimizer_has_m(const Optimizer *optimizer)
{
    return optimizer->kind == OPTIMIZER_ADAM || optimizer->momentum > 0;
}

gboolean optimizer_has_v(const Optimizer *optimizer)
{
    return optimizer->kind != OPTIMIZER_SGD;
}

guint optimizer_slots(const Optimizer *optimizer)
{
    return (guint)optimizer_has_m(optimizer) + (guint)optimizer_has_v(optimizer);
}

OptimizerStep optimizer_step(const Optimizer *optimizer, guint64 t)
{
    double rate = optimizer->learning_rate;
    if (optimizer->kind == OPTIMIZER_ADAM)
        rate *= sqrt(1 - pow(optimizer->beta2, (double)t)) / (1 - pow(optimizer->beta1, (double)t));
    return (OptimizerStep){
        .kind = optimizer->kind,
        .rate = (float)rate,
        .one_minus_beta1 = (float)(1 - optimizer->beta1),
        .beta2 = (float)optimizer->beta2,
        .one_minus_beta2 = (float)(1 - optimizer->beta2),
        .epsilon = (float)optimizer->epsilon,
        .momentum = (float)optimizer->momentum,
        .decay = (float)optimizer->weight_decay,
    };
}

/* ---- A large array: one piece per task ---- */
enum { WEIGHTS_A_TASK = 1 << 16 };

typedef struct {
    const OptimizerStep *step;
    gsize count;
    const float *g;
    const Parameters *weights;
} Update;

static void update_piece(guint task, guint worker, gpointer data)
{
    const Update *u = data;
    gsize begin = (gsize)task * WEIGHTS_A_TASK;
    kernels_current()->dense->update(u->step, (int)MIN(WEIGHTS_A_TASK, u->count - begin), u->g + begin,
                                     parameters_from(u->weights, begin));
}

void optimizer_update(ThreadPool *thread_pool, const OptimizerStep *step, gsize count, const float *g,
                      const Parameters *weights)
{
    Update update = {step, count, g, weights};
    thread_pool_run(thread_pool, parts_of(count, WEIGHTS_A_TASK), update_piece, &update);
}
