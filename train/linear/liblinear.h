/* liblinear: liblinear's solvers on its own rows; the only module that includes linear.h, whose names have no prefix.
 *
 * liblinear draws from rand() and prints through a global hook, so it is not thread-safe: each problem is solved in a
 * worker process (sandbox.h), a fork with its own copy of the rows. train() would fit one class versus the rest after
 * another, with one random sequence running through all of them; here each problem has its own sequence, so that they can
 * run at once and in any order: the solutions agree to the solver's tolerance. */
#pragma once
#include "train/linear/linear_training.h"

typedef struct Liblinear Liblinear;

/* All from the arena; NULL while it measures, when the training's rows may be an outline. training, problems and their
 * parts are borrowed; in the problems each run says how it went. */
Liblinear *liblinear_new(Arena *arena, const LinearTraining *training, LinearProblem *problems,
                         guint n_problems);
gsize liblinear_worker(
    const LinearTraining *training); /* bytes that the library takes in a process, besides */

/* Copies the rows, the bias feature last, and starts the workers: no other thread may hold a lock. FALSE and error if no
 * process can be started. */
gboolean liblinear_start(Liblinear *liblinear, GError **error);
void liblinear_stop(Liblinear *liblinear); /* NULL: nothing */

/* As descent_run, descent_values, but of the rows that a problem tests alone; solvers that cannot start where the last run
 * ended start anew. A multi-class problem has L decision values, in the place of one. */
gboolean liblinear_run(Liblinear *liblinear, double cost, Progress *progress, GError **error);
void liblinear_values(const Liblinear *liblinear, float *values);

/* The solutions: w (problems, or L if multi-class; descent_rows_weights). */
const double *liblinear_weights(const Liblinear *liblinear);
