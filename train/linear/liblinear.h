/* liblinear: liblinear's solvers on its own rows; the only module that includes linear.h, whose names have no prefix.
 *
 * liblinear draws from rand() and prints through a global hook, so it is not thread-safe: each problem is solved in a
 * worker process (sandbox.h), a fork with its own copy of the rows. train() would fit one class versus the rest after another, with one random sequence
 * running through all of them; here each problem has its own sequence, so that they can run at once and in any order: the
 * solutions agree to the solver's tolerance. */
#pragma once
#include "train/linear/linear_training.h"

typedef struct Liblinear Liblinear;

/* Bytes for this many problems, on the rows of a plan (descent_rows_plan) with so many non-zeros, the bias among them: 16
 * for each. worker: what a process takes besides. */
gsize liblinear_memory(const LinearTraining *training, guint n_problems, gsize nonzeros, gsize *worker);

/* Copies the rows, the bias feature last, and starts the workers: no other thread may hold a lock. training, problems and
 * their parts are borrowed until liblinear_free; in the problems each run says how it went. NULL and error if memory is
 * short or no process can be started. */
Liblinear *liblinear_new(const LinearTraining *training, LinearProblem *problems, guint n_problems,
                         GError **error);
void liblinear_free(Liblinear *liblinear);

/* As descent_run, descent_values, but of the rows that a problem tests alone; solvers that cannot start where the last run ended start anew. A multi-class problem
 * has L decision values, in the place of one. */
gboolean liblinear_run(Liblinear *liblinear, double cost, Progress *progress, GError **error);
void liblinear_values(const Liblinear *liblinear, float *values);

/* w (problems, or L if multi-class; width): weights for the rows, where the width is N if reduced, else that of the features
 * and the bias. */
const double *liblinear_weights(const Liblinear *liblinear, guint *width);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Liblinear, liblinear_free)
