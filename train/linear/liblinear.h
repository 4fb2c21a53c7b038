/* liblinear: liblinear's solvers on its own rows; the only module that includes linear.h, whose names have no prefix.
 *
 * liblinear draws from rand() and prints through a global hook, so it is not thread-safe: each problem is solved in a
 * worker process (sandbox.h), a fork with its own copy of the rows. train() would fit one class versus the rest after another, with one random sequence
 * running through all of them; here each problem has its own sequence, so that they can run at once and in any order: the
 * solutions agree to the solver's tolerance. */
#pragma once
#include "train/linear/linear_training.h"

/* ---- Rows: 16 bytes per non-zero feature ---- */

gsize linear_rows_bytes(gsize nonzeros, guint rows);

/* NULL if memory is short. Of a Gram factor, or of the features themselves, the bias feature last; nonzeros: as
 * linear_rows_count found them. */
LinearRows *linear_rows_of_factor(const GramFactor *factor);
LinearRows *linear_rows_of_set(const TrainingSet *set, gsize nonzeros);
gsize linear_rows_count(const TrainingSet *set);
void linear_rows_free(LinearRows *rows);
double linear_rows_mean_square(const LinearRows *rows); /* of ||x||², the bias feature among the features */

/* ---- Problems ---- */

typedef struct Liblinear Liblinear;

/* What a worker allocates besides the rows, which take `bytes`. */
gsize liblinear_worker_bytes(const Solver *solver, gsize n, gsize width, guint classes, gsize bytes);

/* Starts the workers: no other thread may hold a lock. training and the problems' parts are borrowed until
 * liblinear_free. NULL and error if no process can be started. */
Liblinear *liblinear_new(const LinearTraining *training, const LinearProblem *problems, guint n_problems,
                         GError **error);
void liblinear_free(Liblinear *liblinear);

/* As descent_run, descent_values; solvers that cannot start where the last run ended start anew. A multi-class problem
 * has L decision values, in the place of one. */
gboolean liblinear_run(Liblinear *liblinear, double cost, LinearFit *fits, Progress *progress,
                       GError **error);
void liblinear_values(const Liblinear *liblinear, float *values);

/* w (problems, or L if multi-class; width): weights for the rows, where the width is the features' and the bias's. */
const double *liblinear_weights(const Liblinear *liblinear, guint *width);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearRows, linear_rows_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Liblinear, liblinear_free)
