/* linear_training: what a linear head is trained on, in the form that its solver takes, and the problems that it is made
 * of. */
#pragma once
#include "common/cli/progress.h"
#include "train/linear/descent_rows.h"
#include "train/linear/solver.h"

typedef struct LinearRows LinearRows; /* liblinear.h */

typedef struct {
    const Solver *solver;
    double tolerance;
    double *class_weights; /* (L) factors of the cost of errors on a class's images */
    guint seed;
    int *labels;      /* (N) 0 … L-1 */
    guint *units;     /* (N) the first image of each image's group, or the image itself */
    guint n, classes; /* N, L */
    TrainingSet *set;
    GramFactor *factor; /* of the set; NULL: the rows below are in the features' basis */
    ThreadPool *thread_pool;
    DescentRows *descent_rows; /* for descent.h, else NULL */
    LinearRows *rows;          /* for liblinear.h, else NULL */
    guint workers;             /* its processes */
} LinearTraining;

typedef struct {
    int class;          /* against the rest; without meaning for multi-class solvers */
    const guint8 *part; /* (N) not 0 where a row is trained on; NULL: all are */
} LinearProblem;

typedef struct {
    int iterations;         /* of the solver's outer loop; 0 if it does not report any */
    gboolean not_converged; /* stopped by the iteration limit, not by the tolerance */
} LinearFit;

static inline gboolean linear_trains_on(const LinearProblem *problem, guint row)
{
    return !problem->part || problem->part[row];
}

/* Whether its decision value is of use: that of a row it was not trained on, or of any where it was trained on all. */
static inline gboolean linear_wants(const LinearProblem *problem, guint row)
{
    return !problem->part || !problem->part[row];
}

/* Costs of an error on the rows of a problem's class, and on the rest, to which liblinear gives weight 1 with more than
 * two classes. */
static inline void linear_costs(const LinearTraining *training, int class, double cost, double *own,
                                double *rest)
{
    *own = cost * training->class_weights[class];
    *rest = training->classes == 2 ? cost * training->class_weights[1] : cost;
}
