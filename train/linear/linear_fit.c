/* linear_fit: see linear_fit.h. */
#include "train/linear/linear_fit.h"

#include "common/cli/progress.h"
#include "common/core/subprocess.h"
#include "common/network/scores.h"
#include "train/linear/process_pool.h"

#include <cblas.h>
#include <string.h>

guint linear_width(const LinearTraining *training)
{
    return training->gram_factor ? training->gram_factor->n : linear_rows_width(training->rows);
}

guint linear_problems(const LinearTraining *training)
{
    return training->solver->multiclass || training->classes == 2 ? 1 : training->classes;
}

guint linear_problem_vectors(const LinearTraining *training)
{
    return training->solver->multiclass ? training->classes : 1;
}

guint linear_vectors(const LinearTraining *training)
{
    return linear_problems(training) * linear_problem_vectors(training);
}

static gboolean fit_multiclass(const LinearTraining *training, const LinearProblem *problem, double cost,
                               double *w, LinearFit *fit)
{
    g_autofree int *labels = g_new(int, problem->n);
    g_autofree double *costs = g_new(double, training->classes);
    gboolean several = FALSE;
    for (guint i = 0; i < problem->n; i++) {
        labels[i] = training->labels[problem->index[i]];
        several |= labels[i] != labels[0];
    }
    for (guint k = 0; k < training->classes; k++)
        costs[k] = cost * training->class_weights[k];
    if (several)
        *fit = linear_fit_multiclass(training->rows, problem, labels, training->classes, costs, w);
    return several;
}

LinearState *linear_state_new(const LinearTraining *training, guint n)
{
    LinearState *state = g_new0(LinearState, 1);
    state->w = g_new0(double, (gsize)linear_problem_vectors(training) * linear_width(training));
    state->alpha = g_new0(double, n);
    return state;
}

void linear_state_free(LinearState *state)
{
    if (!state)
        return;
    g_free(state->w);
    g_free(state->alpha);
    g_free(state);
}

/* Costs of an error on a class's own images and on the rest. */
static void problem_costs(const LinearTraining *training, guint problem, double cost, double *own,
                          double *rest)
{
    *own = cost * training->class_weights[problem];
    /* liblinear gives the rest weight 1 with more than two classes. */
    *rest = training->classes == 2 ? cost * training->class_weights[1] : cost;
}

static gboolean fit_binary(const LinearTraining *training, const LinearProblem *problem, int class,
                           double cost, LinearState *state, LinearFit *fit)
{
    g_autofree gboolean *positive = g_new(gboolean, problem->n);
    guint count = 0;
    for (guint i = 0; i < problem->n; i++) {
        positive[i] = training->labels[problem->index[i]] == class;
        count += positive[i] ? 1 : 0;
    }
    if (count == 0 || count == problem->n)
        return FALSE;
    double for_class, for_rest;
    problem_costs(training, (guint) class, cost, &for_class, &for_rest);
    *fit = training->gram_factor ? coordinate_fit(training->gram_factor, problem, positive, for_class,
                                                  for_rest, state->warm, state->alpha, state->w)
                                 : linear_fit_binary(training->rows, problem, positive, for_class, for_rest,
                                                     state->warm, state->w);
    return TRUE;
}

gboolean linear_fit(const LinearTraining *training, guint problem, double cost, const guint *index, guint n,
                    LinearState *state, LinearFit *fit)
{
    LinearProblem setting = {training->solver, training->tolerance, training->seed, index, n};
    gboolean done = training->solver->multiclass
                        ? fit_multiclass(training, &setting, cost, state->w, fit)
                        : fit_binary(training, &setting, (int)problem, cost, state, fit);
    state->warm = done;
    return done;
}

double linear_value(const LinearTraining *training, guint row, const double *w)
{
    if (!training->gram_factor)
        return linear_decision(training->rows, row, w);
    return cblas_ddot(row + 1, training->gram_factor->factor + (gsize)row * training->gram_factor->n, 1, w,
                      1);
}

double linear_mean_square(const LinearTraining *training)
{
    double sum = 0;
    for (guint i = 0; i < training->n; i++)
        if (training->stream) {
            sum += training->stream->row_squares[i];
        } else if (training->gram_factor) {
            const double *x = training->gram_factor->factor + (gsize)i * training->gram_factor->n;
            sum += cblas_ddot(i + 1, x, 1, x, 1);
        } else
            sum += linear_rows_square(training->rows, i);
    return sum / training->n;
}

int linear_class(const LinearTraining *training, const float *values)
{
    guint vectors = linear_vectors(training);
    return vectors == 1 ? values[0] <= 0 : scores_argmax(values, vectors);
}

double linear_accuracy(const LinearTraining *training, const double *w)
{
    guint vectors = linear_vectors(training), width = linear_width(training), right = 0;
    g_autofree float *values = g_new(float, vectors);
    for (guint i = 0; i < training->n; i++) {
        for (guint v = 0; v < vectors; v++)
            values[v] = (float)linear_value(training, i, w + (gsize)v * width);
        right += linear_class(training, values) == training->labels[i];
    }
    return (double)right / training->n;
}

/* ---- Streams ---- */

StreamFit *linear_stream_new(const LinearTraining *training, double cost, guint folds, const guint *fold_of)
{
    guint each = linear_problems(training), n = each * MAX(folds, 1);
    g_autofree StreamProblem *problems = g_new(StreamProblem, n);
    for (guint p = 0; p < n; p++) {
        problems[p] = (StreamProblem){.class = (int)(p % each), .fold = fold_of ? (int)(p / each) : -1};
        problem_costs(training, p % each, cost, &problems[p].positive_cost, &problems[p].negative_cost);
    }
    StreamSettings settings = {training->solver, training->tolerance, training->seed, training->labels,
                               fold_of};
    return stream_fit_new(training->stream, &settings, problems, n, training->thread_pool);
}

void linear_stream_set_cost(const LinearTraining *training, StreamFit *stream_fit, double cost, guint folds)
{
    guint each = linear_problems(training);
    for (guint p = 0; p < each * MAX(folds, 1); p++) {
        double own, rest;
        problem_costs(training, p % each, cost, &own, &rest);
        stream_fit_set_costs(stream_fit, p, own, rest);
    }
}

/* ---- All problems ---- */

typedef struct {
    const LinearTraining *training;
    double cost;
    guint *index;
    double *w;       /* shared */
    LinearFit *fits; /* shared */
} Job;

static void fit_task(guint problem, gpointer data)
{
    Job *job = data;
    const LinearTraining *training = job->training;
    gsize size = (gsize)linear_problem_vectors(training) * linear_width(training);
    g_autoptr(LinearState) state = linear_state_new(training, training->n);
    linear_fit(training, problem, job->cost, job->index, training->n, state, &job->fits[problem]);
    memcpy(job->w + problem * size, state->w, size * sizeof *state->w);
}

double *linear_fit_all(const LinearTraining *training, double cost, LinearFit *fits, Progress *progress,
                       GError **error)
{
    guint problems = linear_problems(training);
    gsize w_size = sizeof(double) * linear_vectors(training) * linear_width(training);
    gsize fits_size = problems * sizeof(LinearFit);
    g_autofree guint *index = g_new(guint, training->n);
    for (guint i = 0; i < training->n; i++)
        index[i] = i;
    double *w = NULL;
    guint8 *shared = subprocess_memory(w_size + fits_size, error);
    if (!shared)
        return NULL;
    Job job = {training, cost, index, (double *)shared, (LinearFit *)(shared + w_size)};
    if (process_pool_run(training->workers, problems, fit_task, &job, progress, error)) {
        w = g_memdup2(job.w, w_size);
        if (fits)
            memcpy(fits, job.fits, fits_size);
    }
    subprocess_memory_free(shared, w_size + fits_size);
    return w;
}
