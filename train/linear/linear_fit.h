/* linear_fit: a linear head of L classes as the binary problems liblinear makes of it, one a task.
 *
 * liblinear's train() fits one class against the rest after another, its solvers' random order running on
 * from class to class. Here each problem starts its own, so that they can run at once and in any order: the
 * solutions are the same to the solver's tolerance. Two classes make one problem (class 0 against class 1),
 * Crammer & Singer's solver one for any L. */
#pragma once
#include "common/cli/progress.h"
#include "train/linear/coordinate.h"
#include "train/linear/liblinear.h"

/* The training data in the form the solver takes: dense rows of a reduction for coordinate.h, else
 * liblinear's. */
typedef struct {
    const LinearSolver *solver;
    double tolerance;
    const double *class_weights; /* (L) factors of the cost of errors on a class's images */
    guint seed;
    guint workers;          /* processes */
    const LinearRows *rows; /* NULL where reduction is in use */
    const GramFactor *gram_factor;
    const int *labels; /* (N) 0 … L-1 */
    guint n, classes;
} LinearTraining;

guint linear_width(const LinearTraining *training);
guint linear_problems(const LinearTraining *training);
/* Vectors that one problem yields: L where it is joint, else 1. */
guint linear_problem_vectors(const LinearTraining *training);
/* Vectors in all: L, or 1 for two classes (w of class 0; class 1 has -w). */
guint linear_vectors(const LinearTraining *training);

/* Where one problem's fit ends and that at the next cost may start. */
typedef struct {
    double *w;     /* (vectors of the problem, width) */
    double *alpha; /* (n) dual variables */
    gboolean warm; /* both hold the end of a fit to the same rows */
} LinearState;

LinearState *linear_state_new(const LinearTraining *training, guint n);
void linear_state_free(LinearState *state);

/* One problem on the rows of index (n), from state where it is warm and the solver can. FALSE where it cannot
 * be put: of its two sides (all its classes, when joint) only one has a row. */
gboolean linear_fit(const LinearTraining *training, guint problem, double cost, const guint *index, guint n,
                    LinearState *state, LinearFit *fit);

/* w·x of a row */
double linear_value(const LinearTraining *training, guint row, const double *w);

/* Mean over all rows of ||x||², the bias among the features. */
double linear_mean_square(const LinearTraining *training);

/* Share of all rows whose class has the highest value. w: (vectors, width). */
double linear_accuracy(const LinearTraining *training, const double *w);

/* The class that decision values (vectors) speak for: the highest, the first of equal ones; class 0 where the
 * only value is above 0. */
int linear_class(const LinearTraining *training, const float *values);

/* All problems on all rows, in worker processes. w: (vectors, width), caller frees by g_free; fits:
 * (problems) or NULL. */
double *linear_fit_all(const LinearTraining *training, double cost, LinearFit *fits, Progress *progress,
                       GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearState, linear_state_free)
