/* stream_group: problems in groups of up to ROW_COLUMNS, a group a task; private to the stream_*.c files. */
#pragma once
#include "train/linear/stream_fit.h"

/* One problem of a group. */
typedef struct {
    StreamProblem problem;
    guint rows; /* outside the fold */
    gboolean finished;
    LinearFit fit;
} Lane;

typedef struct {
    Lane lanes[ROW_COLUMNS];
    guint n, first; /* lanes in use; number of the first one's problem */
    StreamWeights *weights;
    StreamRow row;
    double *alpha; /* (N, n) dual variables; NULL for a primal solver */
} Group;

struct StreamFit {
    const Stream *stream;
    StreamSettings settings;
    ThreadPool *thread_pool;
    Group *groups;
    guint n_groups, n_problems;
    guint passes;  /* that the dual solver ever made: each draws another order */
    float *values; /* of stream_fit_values */
};

static inline gboolean lane_is_positive(const StreamFit *fit, const Lane *lane, guint i)
{
    return fit->settings.labels[i] == lane->problem.class;
}

static inline gboolean lane_has_row(const StreamFit *fit, const Lane *lane, guint i)
{
    return lane->problem.fold < 0 || (int)fit->settings.fold_of[i] != lane->problem.fold;
}

/* The two ways to fit: each from where the weights are, until every lane is finished; ticks progress once a lane. FALSE
 * with error if the user interrupted. */
gboolean stream_descent_run(StreamFit *fit, Progress *progress, GError **error); /* stream_descent.c */
gboolean stream_newton_run(StreamFit *fit, Progress *progress, GError **error);  /* stream_newton.c */
gsize stream_newton_memory(gsize features, guint n, guint lanes);                /* bytes of a group's */
