/* linear_training: what a linear head is trained on, and the problems that it is made of. */
#pragma once
#include "common/cli/progress.h"
#include "train/linear/descent_rows.h"
#include "train/linear/solver.h"

typedef struct {
    const Solver *solver;
    double tolerance;
    double *class_weights; /* (L) factors of the cost of errors on a class's images */
    guint seed;
    int *labels;      /* (N) 0 … L-1 */
    guint *units;     /* (N) the first image of each image's group, or the image itself; NULL: all are */
    guint n, classes; /* N, L */
    TrainingSet *set;
    DescentRows *rows; /* of the set */
    ThreadPool *thread_pool;
    guint workers; /* processes of liblinear.h, which solves the problems; 0: descent.h does */
} LinearTraining;

typedef struct {
    int class; /* against the rest; without meaning for multi-class solvers */
    Part part;
    int iterations;         /* of the last run, in the solver's outer loop; 0 if it does not report any */
    gboolean not_converged; /* stopped by the iteration limit, not by the tolerance */
} LinearProblem;

static inline guint linear_unit(const LinearTraining *training, guint row)
{
    return training->units ? training->units[row] : row;
}

/* Costs of an error on the rows of a problem's class, and on the rest, to which liblinear gives weight 1 with more than
 * two classes. */
static inline void linear_costs(const LinearTraining *training, int class, double cost, double *own,
                                double *rest)
{
    *own = cost * training->class_weights[class];
    *rest = training->classes == 2 ? cost * training->class_weights[1] : cost;
}
