/* linear_fit: a linear head of L classes as the binary problems that liblinear makes of it, one per task.
 *
 * liblinear's train() fits one class versus the rest after another, with one random sequence running
 * through all of them. Here each problem has its own sequence, so that they can run at once and in any
 * order: the solutions agree to the solver's tolerance. Two classes make one problem (class 0 versus class
 * 1), Crammer & Singer's solver one for any L. */
#pragma once
#include "common/cli/progress.h"
#include "train/linear/coordinate.h"
#include "train/linear/liblinear.h"
#include "train/linear/stream_fit.h"

/* The training data in the form the solver takes: dense rows of a Gram factor for coordinate.h, else
 * liblinear's rows. */
typedef struct {
    const LinearSolver *solver;
    double tolerance;
    const double *class_weights; /* (L) factors of the cost of errors on a class's images */
    guint seed;
    guint workers; /* processes */
    /* One of the three: */
    const LinearRows *rows;
    const GramFactor *gram_factor;
    const Stream *stream;    /* then all problems share one pass over the rows, see linear_stream_new */
    ThreadPool *thread_pool; /* for a stream */
    const int *labels;       /* (N) 0 … L-1 */
    guint n, classes;
} LinearTraining;

guint linear_width(const LinearTraining *training);
guint linear_problems(const LinearTraining *training);
/* Vectors that one problem yields: L if it is multiclass, else 1. */
guint linear_problem_vectors(const LinearTraining *training);
/* Vectors in all: L, or 1 for two classes (w of class 0; class 1 has -w). */
guint linear_vectors(const LinearTraining *training);

/* Where one problem's fit ended, and the fit at the next cost may start. */
typedef struct {
    double *w;     /* (vectors of the problem, width) */
    double *alpha; /* (n) dual variables */
    gboolean warm; /* both hold the result of a fit to the same rows */
} LinearState;

LinearState *linear_state_new(const LinearTraining *training, guint n);
void linear_state_free(LinearState *state);

/* Fits one problem on the rows of index (n), starting from state if it is warm and the solver supports
 * that. FALSE if there is no problem to solve: only one of its two sides (of its classes, if multiclass)
 * has rows. */
gboolean linear_fit(const LinearTraining *training, guint problem, double cost, const guint *index, guint n,
                    LinearState *state, LinearFit *fit);

/* All problems on a stream, or the problems of each fold one after another where fold_of (N) is given: number
 * fold * linear_problems + problem. */
StreamFit *linear_stream_new(const LinearTraining *training, double cost, guint folds, const guint *fold_of);
void linear_stream_set_cost(const LinearTraining *training, StreamFit *stream_fit, double cost, guint folds);

/* w·x of a row */
double linear_value(const LinearTraining *training, guint row, const double *w);

/* Mean over all rows of ||x||², the bias among the features. */
double linear_mean_square(const LinearTraining *training);

/* Fraction of all rows whose class has the highest decision value. w: (vectors, width). */
double linear_accuracy(const LinearTraining *training, const double *w);

/* The class predicted by decision values (vectors): the highest, ties to the first; with a single value,
 * class 0 if it is above 0. */
int linear_class(const LinearTraining *training, const float *values);

/* All problems on all rows, in worker processes. w: (vectors, width), caller frees by g_free; fits:
 * (problems) or NULL. */
double *linear_fit_all(const LinearTraining *training, double cost, LinearFit *fits, Progress *progress,
                       GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearState, linear_state_free)
