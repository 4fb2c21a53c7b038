/* stream_fit: linear heads on streamed rows (stream.h), many problems at once.
 *
 * Support vector machines by their dual (liblinear's solvers 1 and 3; stream_descent.c) or, like logistic regression,
 * by their primal (0 and 2; stream_newton.c). The steps are not liblinear's, but the stopping rules and the optimum
 * are: decision values agree as far as the tolerance. The result is the same to the bit for any number of threads. */
#pragma once
#include "common/cli/progress.h"
#include "train/linear/stream.h"

typedef struct {
    const LinearSolver *solver;
    double tolerance;
    guint64 seed;         /* of the order of the rows */
    const int *labels;    /* (N) */
    const guint *fold_of; /* (N), or NULL without folds */
} StreamSettings;

typedef struct StreamFit StreamFit;

gboolean stream_fit_serves(const LinearSolver *solver);
gboolean stream_fit_is_dual(const LinearSolver *solver); /* of those it serves */

/* Bytes of these problems in addition to the stream. */
gsize stream_fit_memory(const LinearSolver *solver, gsize features, guint n, guint problems, guint threads);

/* All arguments except problems are borrowed until stream_fit_free. Both sides of each problem must have rows. */
StreamFit *stream_fit_new(const Stream *stream, const StreamSettings *settings, const StreamProblem *problems,
                          guint n_problems, ThreadPool *thread_pool);
void stream_fit_free(StreamFit *fit);

/* Runs all problems to the tolerance, or 1000 iterations; a dual solver starts where the last run at smaller costs
 * ended. fits (n_problems) or NULL is filled. progress is ticked once a problem. FALSE with error if the user
 * interrupted. */
gboolean stream_fit_run(StreamFit *fit, LinearFit *fits, Progress *progress, GError **error);

/* Other costs of problem p for the next run: with the L1 loss, no smaller ones. */
void stream_fit_set_costs(StreamFit *fit, guint p, double positive, double negative);

/* values (N, n_problems): decision values of every row. */
void stream_fit_values(StreamFit *fit, float *values);

/* Column p of kernel (D, stride) and the offset of problem p; see stream_unfold. */
double stream_fit_unfold(const StreamFit *fit, guint p, float *kernel, gsize stride);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StreamFit, stream_fit_free)
