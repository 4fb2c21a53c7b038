/* coordinate: see coordinate.h. */
#include "train/linear/coordinate.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITERATIONS = 1000 }; /* liblinear's */

typedef struct {
    const GramFactor *gram_factor;
    const guint *rows; /* (n) rows of the Gram factor */
    double *alpha;     /* (n) */
    double *w;         /* (N) */
    double *sign;      /* (n) +1, -1 */
    double *curvature; /* (n) of the dual along each coordinate: ||x||² + damping */
    double bound[2];   /* of alpha: negative side, positive side */
    double damping[2]; /* 1 / 2C for the squared loss, 0 for the hinge */
    guint *active;     /* (n) active coordinates first */
    guint n, n_active;
    double highest, lowest; /* projected gradients of this pass */
    double shrink_above,
        shrink_below; /* those of the previous pass: a coordinate at its bound and beyond them is shrunk
                         away */
} Descent;

gboolean coordinate_serves(const LinearSolver *solver)
{
    return strcmp(solver->name, "L2R_L2LOSS_SVC_DUAL") == 0 ||
           strcmp(solver->name, "L2R_L1LOSS_SVC_DUAL") == 0;
}

/* Row r of L has r + 1 entries; the rest are zero. */
static const double *row(const Descent *descent, guint i, guint *length)
{
    *length = descent->rows[i] + 1;
    return descent->gram_factor->factor + (gsize)descent->rows[i] * descent->gram_factor->n;
}

static void descent_start(Descent *descent, const gboolean *positive, gboolean start)
{
    memset(descent->w, 0, descent->gram_factor->n * sizeof *descent->w);
    guint place = 0; /* liblinear's order: positive rows first */
    for (int side = 1; side >= 0; side--)
        for (guint i = 0; i < descent->n; i++)
            if (!positive[i] == !side)
                descent->active[place++] = i;
    for (guint i = 0; i < descent->n; i++) {
        guint length, side = positive[i] ? 1 : 0;
        const double *x = row(descent, i, &length);
        descent->sign[i] = side ? 1 : -1;
        descent->curvature[i] = cblas_ddot(length, x, 1, x, 1) + descent->damping[side];
        descent->alpha[i] = start ? MIN(descent->alpha[i], descent->bound[side]) : 0;
        if (descent->alpha[i] > 0)
            cblas_daxpy(length, descent->sign[i] * descent->alpha[i], x, 1, descent->w, 1);
    }
}

/* TRUE if the coordinate is at a bound and unlikely to leave it soon. */
static gboolean visit(Descent *descent, guint i)
{
    guint length, side = descent->sign[i] > 0;
    const double *x = row(descent, i, &length);
    double alpha = descent->alpha[i], bound = descent->bound[side];
    double gradient =
        descent->sign[i] * cblas_ddot(length, x, 1, descent->w, 1) - 1 + descent->damping[side] * alpha;
    double projected = gradient;
    if (alpha == 0) {
        if (gradient > descent->shrink_above)
            return TRUE;
        projected = MIN(gradient, 0);
    } else if (alpha == bound) {
        if (gradient < descent->shrink_below)
            return TRUE;
        projected = MAX(gradient, 0);
    }
    descent->highest = MAX(descent->highest, projected);
    descent->lowest = MIN(descent->lowest, projected);
    if (fabs(projected) > 1e-12) {
        descent->alpha[i] = CLAMP(alpha - gradient / descent->curvature[i], 0, bound);
        cblas_daxpy(length, (descent->alpha[i] - alpha) * descent->sign[i], x, 1, descent->w, 1);
    }
    return FALSE;
}

static void swap(guint *a, guint *b)
{
    guint held = *a;
    *a = *b;
    *b = held;
}

static void pass(Descent *descent)
{
    guint *active = descent->active;
    descent->highest = -INFINITY, descent->lowest = INFINITY;
    for (guint s = 0; s < descent->n_active; s++)
        swap(&active[s], &active[s + (guint)rand() % (descent->n_active - s)]);
    for (guint s = 0; s < descent->n_active;) {
        if (visit(descent, active[s]))
            swap(&active[s], &active[--descent->n_active]);
        else
            s++;
    }
}

static LinearFit descend(Descent *descent, double tolerance)
{
    LinearFit fit = {0, FALSE};
    descent->n_active = descent->n;
    descent->shrink_above = INFINITY, descent->shrink_below = -INFINITY;
    while (fit.iterations < MAX_ITERATIONS) {
        pass(descent);
        fit.iterations++;
        if (descent->highest - descent->lowest <= tolerance) {
            if (descent->n_active == descent->n)
                return fit;
            /* Once more with all coordinates: those shrunk away may have to move after all. */
            descent->n_active = descent->n;
            descent->shrink_above = INFINITY, descent->shrink_below = -INFINITY;
            continue;
        }
        descent->shrink_above = descent->highest > 0 ? descent->highest : INFINITY;
        descent->shrink_below = descent->lowest < 0 ? descent->lowest : -INFINITY;
    }
    fit.not_converged = TRUE;
    return fit;
}

LinearFit coordinate_fit(const GramFactor *gram_factor, const LinearProblem *problem,
                         const gboolean *positive, double positive_cost, double negative_cost, gboolean start,
                         double *alpha, double *w)
{
    guint n = problem->n;
    gboolean hinge = strcmp(problem->solver->name, "L2R_L1LOSS_SVC_DUAL") == 0;
    g_autofree double *sign = g_new(double, n), *curvature = g_new(double, n);
    g_autofree guint *active = g_new(guint, n);
    Descent descent = {.gram_factor = gram_factor,
                       .rows = problem->index,
                       .alpha = alpha,
                       .w = w,
                       .sign = sign,
                       .curvature = curvature,
                       .active = active,
                       .n = n};
    for (int side = 0; side < 2; side++) {
        double cost = side ? positive_cost : negative_cost;
        descent.bound[side] = hinge ? cost : INFINITY;
        descent.damping[side] = hinge ? 0 : 0.5 / cost;
    }
    srand(problem->seed);
    descent_start(&descent, positive, start);
    return descend(&descent, problem->tolerance);
}
