/* stream_descent: dual coordinate descent for support vector machines on streamed rows (stream.h), many problems at once.
 *
 * Hsieh, Chang, Lin, Keerthi & Sundararajan, "A dual coordinate descent method for large-scale linear SVM", ICML 2008,
 * algorithm 3 with shrinking: liblinear's solvers 1 (L2 loss) and 3 (L1 loss), with liblinear's stopping rule. The order
 * of the rows is drawn once a pass for all problems, so the steps are not liblinear's, but the optimum is: decision
 * values agree as far as the tolerance. Where rows exceed memory they are visited block by block (Yu, Hsieh, Chang & Lin
 * 2010), each block several times before the next is read.
 *
 * The result is the same to the bit for any number of threads. */
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

typedef struct StreamDescent StreamDescent;

gboolean stream_descent_serves(const LinearSolver *solver);

/* Bytes that these problems take beside the stream. */
gsize stream_descent_memory(gsize features, guint n, guint problems, guint threads);

/* All but the problems is borrowed until stream_descent_free. Both sides of each problem must have rows. */
StreamDescent *stream_descent_new(const Stream *stream, const StreamSettings *settings,
                                  const StreamProblem *problems, guint n_problems, ThreadPool *thread_pool);
void stream_descent_free(StreamDescent *descent);

/* Runs all problems to the tolerance, or liblinear's limit of 1000 passes, from where they are: at zero, or where the
 * last run at other costs ended. fits (n_problems) is filled. progress is ticked once a problem. FALSE with error if the
 * user interrupted. */
gboolean stream_descent_run(StreamDescent *descent, LinearFit *fits, Progress *progress, GError **error);

/* Other costs of problem p for the next run. */
void stream_descent_set_costs(StreamDescent *descent, guint p, double positive, double negative);

/* values (N, n_problems): decision values of every row. */
void stream_descent_values(StreamDescent *descent, float *values);

/* Column p of kernel (D, stride) and the offset of problem p; see stream_unfold. */
double stream_descent_unfold(const StreamDescent *descent, guint p, float *kernel, gsize stride);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StreamDescent, stream_descent_free)
