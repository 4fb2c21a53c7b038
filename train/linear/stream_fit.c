/* stream_fit: what the solvers on streamed rows have in common; see stream_fit.h. */
#include "train/linear/stream_fit.h"

#include "train/linear/stream_group.h"

gboolean stream_fit_is_dual(const LinearSolver *solver)
{
    return g_str_equal(solver->name, "L2R_L2LOSS_SVC_DUAL") ||
           g_str_equal(solver->name, "L2R_L1LOSS_SVC_DUAL");
}

static gboolean is_primal(const LinearSolver *solver)
{
    return g_str_equal(solver->name, "L2R_LR") || g_str_equal(solver->name, "L2R_L2LOSS_SVC");
}

gboolean stream_fit_serves(const LinearSolver *solver)
{
    return stream_fit_is_dual(solver) || is_primal(solver);
}

/* Enough groups for all threads, of nearly equal size. */
static guint count_groups(guint problems, guint threads)
{
    return MAX((problems + ROW_COLUMNS - 1) / ROW_COLUMNS, MIN(threads, problems));
}

gsize stream_fit_memory(const LinearSolver *solver, gsize features, guint n, guint problems, guint threads)
{
    gsize groups = count_groups(problems, threads), lanes = (problems + groups - 1) / groups;
    gsize group = features * (ROW_COLUMNS * sizeof(double) + 3 * sizeof(float));
    group += stream_fit_is_dual(solver) ? n * (lanes * sizeof(double) + 1)
                                        : stream_newton_memory(features, n, (guint)lanes);
    return groups * group + n * (sizeof(guint32) + 2 * sizeof(double));
}

/* ---- Problems ---- */

StreamFit *stream_fit_new(const Stream *stream, const StreamSettings *settings, const StreamProblem *problems,
                          guint n_problems, ThreadPool *thread_pool)
{
    StreamFit *fit = g_new0(StreamFit, 1);
    *fit = (StreamFit){
        .stream = stream, .settings = *settings, .thread_pool = thread_pool, .n_problems = n_problems};
    fit->n_groups = count_groups(n_problems, thread_pool_threads(thread_pool));
    fit->groups = g_new0(Group, fit->n_groups);
    for (guint g = 0; g < fit->n_groups; g++) {
        Group *group = &fit->groups[g];
        group->first = (guint)((guint64)g * n_problems / fit->n_groups);
        group->n = (guint)((guint64)(g + 1) * n_problems / fit->n_groups) - group->first;
        group->weights = stream_weights_new(stream);
        group->row = stream_row_new(stream);
        group->alpha =
            stream_fit_is_dual(settings->solver) ? g_new0(double, (gsize)stream->n * group->n) : NULL;
        for (guint k = 0; k < group->n; k++) {
            Lane *lane = &group->lanes[k];
            lane->problem = problems[group->first + k];
            for (guint i = 0; i < stream->n; i++)
                lane->rows += lane_has_row(fit, lane, i) ? 1 : 0;
        }
    }
    return fit;
}

void stream_fit_free(StreamFit *fit)
{
    if (!fit)
        return;
    for (guint g = 0; g < fit->n_groups; g++) {
        stream_weights_free(fit->groups[g].weights);
        stream_row_clear(&fit->groups[g].row);
        g_free(fit->groups[g].alpha);
    }
    g_free(fit->groups);
    g_free(fit);
}

static Lane *lane_of(const StreamFit *fit, guint p, Group **group)
{
    Group *found = fit->groups;
    while (p >= found->first + found->n)
        found++;
    *group = found;
    return &found->lanes[p - found->first];
}

void stream_fit_set_costs(StreamFit *fit, guint p, double positive, double negative)
{
    Group *group;
    Lane *lane = lane_of(fit, p, &group);
    lane->problem.positive_cost = positive;
    lane->problem.negative_cost = negative;
}

gboolean stream_fit_run(StreamFit *fit, LinearFit *fits, Progress *progress, GError **error)
{
    Group *group;
    for (guint p = 0; p < fit->n_problems; p++) {
        Lane *lane = lane_of(fit, p, &group);
        lane->finished = FALSE, lane->fit = (LinearFit){0};
    }
    if (!(stream_fit_is_dual(fit->settings.solver) ? stream_descent_run(fit, progress, error)
                                                   : stream_newton_run(fit, progress, error)))
        return FALSE;
    for (guint p = 0; fits && p < fit->n_problems; p++)
        fits[p] = lane_of(fit, p, &group)->fit;
    return TRUE;
}

/* ---- Results ---- */

static void decide_rows(guint task, guint worker, gpointer data)
{
    StreamFit *fit = data;
    Group *group = &fit->groups[task];
    for (guint i = 0; i < fit->stream->n; i++) {
        double values[ROW_COLUMNS];
        stream_row_read(fit->stream, i, &group->row);
        stream_decide(fit->stream, group->weights, i, &group->row, values);
        for (guint k = 0; k < group->n; k++)
            fit->values[(gsize)i * fit->n_problems + group->first + k] = (float)values[k];
    }
}

void stream_fit_values(StreamFit *fit, float *values)
{
    fit->values = values;
    thread_pool_run(fit->thread_pool, fit->n_groups, decide_rows, fit);
}

double stream_fit_unfold(const StreamFit *fit, guint p, float *kernel, gsize stride)
{
    Group *group;
    lane_of(fit, p, &group);
    return stream_unfold(fit->stream, group->weights, p - group->first, kernel + p, stride);
}
