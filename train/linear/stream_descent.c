/* stream_descent: problems in groups of up to ROW_COLUMNS, a group a task; see stream_descent.h. */
#include "train/linear/stream_descent.h"

#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/rng.h"

#include <math.h>
#include <string.h>

enum {
    MAX_PASSES = 1000,   /* liblinear's max_iter */
    VISITS_OF_BLOCK = 3, /* before the next one is read, where not all rows fit into memory */
};

/* One problem of a group. */
typedef struct {
    StreamProblem problem;
    double bound[2], damping[2];       /* negative side, positive side: of alpha; 1 / 2C for the L2 loss */
    double highest, lowest;            /* projected gradients of this pass */
    double shrink_above, shrink_below; /* those of the last pass */
    guint rows, active;                /* outside the fold; not shrunk away */
    gboolean finished;
    LinearFit fit;
} Lane;

typedef struct {
    Lane lanes[ROW_COLUMNS];
    guint n, first; /* lanes in use; number of the first one's problem */
    StreamWeights *weights;
    double *alpha;  /* (N, n) */
    guint8 *active; /* (N) a bit a lane */
    StreamRow row;
} Group;

struct StreamDescent {
    const Stream *stream;
    StreamSettings settings;
    ThreadPool *thread_pool;
    gboolean hinge;
    Group *groups;
    guint n_groups, n_problems;
    guint passes;     /* ever made: each draws another order */
    guint32 *order;   /* (N) rows, block by block */
    guint begin, end; /* of the block under way, in order */
    gboolean measuring;
    float *values; /* of stream_descent_values */
};

gboolean stream_descent_serves(const LinearSolver *solver)
{
    return g_str_equal(solver->name, "L2R_L2LOSS_SVC_DUAL") ||
           g_str_equal(solver->name, "L2R_L1LOSS_SVC_DUAL");
}

/* ---- Problems ---- */

/* Enough groups for all threads, of nearly equal size. */
static guint count_groups(guint problems, guint threads)
{
    guint least = (problems + ROW_COLUMNS - 1) / ROW_COLUMNS;
    return MAX(least, MIN(threads, problems));
}

gsize stream_descent_memory(gsize features, guint n, guint problems, guint threads)
{
    gsize groups = count_groups(problems, threads);
    gsize group = features * ROW_COLUMNS * sizeof(double) + n + features * 3 * sizeof(float);
    return groups * group + (gsize)n * problems * sizeof(double) + (gsize)n * sizeof(guint32);
}

static void lane_set_costs(const StreamDescent *descent, Lane *lane)
{
    for (int side = 0; side < 2; side++) {
        double cost = side ? lane->problem.positive_cost : lane->problem.negative_cost;
        lane->bound[side] = descent->hinge ? cost : INFINITY;
        lane->damping[side] = descent->hinge ? 0 : 0.5 / cost;
    }
}

static Lane *lane_of(StreamDescent *descent, guint p, Group **group)
{
    Group *found = descent->groups;
    while (p >= found->first + found->n)
        found++;
    *group = found;
    return &found->lanes[p - found->first];
}

void stream_descent_set_costs(StreamDescent *descent, guint p, double positive, double negative)
{
    Group *group;
    Lane *lane = lane_of(descent, p, &group);
    lane->problem.positive_cost = positive;
    lane->problem.negative_cost = negative;
    lane_set_costs(descent, lane);
}

static gboolean is_positive(const StreamDescent *descent, const Lane *lane, guint i)
{
    return descent->settings.labels[i] == lane->problem.class;
}

static gboolean takes_part(const StreamDescent *descent, const Lane *lane, guint i)
{
    return lane->problem.fold < 0 || (int)descent->settings.fold_of[i] != lane->problem.fold;
}

StreamDescent *stream_descent_new(const Stream *stream, const StreamSettings *settings,
                                  const StreamProblem *problems, guint n_problems, ThreadPool *thread_pool)
{
    StreamDescent *descent = g_new0(StreamDescent, 1);
    *descent = (StreamDescent){.stream = stream, .settings = *settings, .thread_pool = thread_pool};
    descent->hinge = g_str_equal(settings->solver->name, "L2R_L1LOSS_SVC_DUAL");
    descent->n_problems = n_problems;
    descent->n_groups = count_groups(n_problems, thread_pool_threads(thread_pool));
    descent->groups = g_new0(Group, descent->n_groups);
    descent->order = g_new(guint32, stream->n);
    for (guint g = 0; g < descent->n_groups; g++) {
        Group *group = &descent->groups[g];
        group->first = (guint)((guint64)g * n_problems / descent->n_groups);
        group->n = (guint)((guint64)(g + 1) * n_problems / descent->n_groups) - group->first;
        group->weights = stream_weights_new(stream);
        group->alpha = g_new0(double, (gsize)stream->n * group->n);
        group->active = g_new0(guint8, stream->n);
        group->row = stream_row_new(stream);
        for (guint k = 0; k < group->n; k++) {
            Lane *lane = &group->lanes[k];
            lane->problem = problems[group->first + k];
            lane_set_costs(descent, lane);
            for (guint i = 0; i < stream->n; i++)
                lane->rows += takes_part(descent, lane, i) ? 1 : 0;
        }
    }
    return descent;
}

void stream_descent_free(StreamDescent *descent)
{
    if (!descent)
        return;
    for (guint g = 0; g < descent->n_groups; g++) {
        Group *group = &descent->groups[g];
        stream_weights_free(group->weights);
        stream_row_clear(&group->row);
        g_free(group->alpha);
        g_free(group->active);
    }
    g_free(descent->groups);
    g_free(descent->order);
    g_free(descent);
}

/* ---- One row ---- */

/* The step of w along row i in one problem, for its decision value there; 0 where it stays. */
static double step_of(StreamDescent *descent, Group *group, guint k, guint i, double value)
{
    Lane *lane = &group->lanes[k];
    double *alpha = &group->alpha[(gsize)i * group->n + k], before = *alpha;
    gboolean positive = is_positive(descent, lane, i);
    double sign = positive ? 1 : -1, bound = lane->bound[positive];
    double gradient = sign * value - 1 + lane->damping[positive] * before, projected = gradient;
    if (before == 0)
        projected = MIN(gradient, 0);
    else if (before == bound)
        projected = MAX(gradient, 0);
    if (descent->measuring) {
        if ((before == 0 && gradient > lane->shrink_above) ||
            (before == bound && gradient < lane->shrink_below)) {
            group->active[i] &= (guint8) ~(1u << k);
            lane->active--;
            return 0;
        }
        lane->highest = MAX(lane->highest, projected);
        lane->lowest = MIN(lane->lowest, projected);
    }
    if (fabs(projected) <= 1e-12)
        return 0;
    *alpha = CLAMP(before - gradient / (descent->stream->row_squares[i] + lane->damping[positive]), 0, bound);
    return (*alpha - before) * sign;
}

static void visit(StreamDescent *descent, Group *group, guint i)
{
    double values[ROW_COLUMNS], steps[ROW_COLUMNS] = {0};
    gboolean any = FALSE;
    stream_row_read(descent->stream, i, &group->row);
    stream_decide(descent->stream, group->weights, i, &group->row, values);
    for (guint k = 0; k < group->n; k++)
        if (group->active[i] & 1u << k) {
            steps[k] = step_of(descent, group, k, i, values[k]);
            any |= steps[k] != 0;
        }
    if (any)
        stream_add(descent->stream, group->weights, i, &group->row, steps);
}

static void visit_block(guint task, guint worker, gpointer data)
{
    StreamDescent *descent = data;
    Group *group = &descent->groups[task];
    for (guint s = descent->begin; s < descent->end && !interrupted(); s++)
        if (group->active[descent->order[s]])
            visit(descent, group, descent->order[s]);
}

/* ---- Passes ---- */

static void activate(const StreamDescent *descent, Group *group, guint k)
{
    Lane *lane = &group->lanes[k];
    for (guint i = 0; i < descent->stream->n; i++)
        if (!lane->finished && takes_part(descent, lane, i))
            group->active[i] |= (guint8)(1u << k);
        else
            group->active[i] &= (guint8) ~(1u << k);
    lane->active = lane->finished ? 0 : lane->rows;
    lane->shrink_above = INFINITY, lane->shrink_below = -INFINITY;
}

/* liblinear's rule: once the unshrunk rows agree, all rows must. TRUE when the problem has just been finished. */
static gboolean end_pass(const StreamDescent *descent, Group *group, guint k)
{
    Lane *lane = &group->lanes[k];
    if (lane->finished)
        return FALSE;
    lane->fit.iterations++;
    if (lane->highest - lane->lowest <= descent->settings.tolerance) {
        lane->finished = lane->active == lane->rows;
        activate(descent, group, k);
    } else {
        lane->shrink_above = lane->highest > 0 ? lane->highest : INFINITY;
        lane->shrink_below = lane->lowest < 0 ? lane->lowest : -INFINITY;
    }
    if (!lane->finished && lane->fit.iterations >= MAX_PASSES) {
        lane->finished = lane->fit.not_converged = TRUE;
        activate(descent, group, k);
    }
    lane->highest = -INFINITY, lane->lowest = INFINITY;
    return lane->finished;
}

static void draw_order(StreamDescent *descent)
{
    guint n = descent->stream->n, block = descent->stream->block;
    Rng rng = rng_new(descent->settings.seed, descent->passes++);
    for (guint i = 0; i < n; i++)
        descent->order[i] = i;
    for (guint begin = 0; begin < n; begin += block)
        rng_shuffle(&rng, descent->order + begin, MIN(block, n - begin));
}

static void pass(StreamDescent *descent)
{
    guint n = descent->stream->n, block = descent->stream->block, visits = block < n ? VISITS_OF_BLOCK : 1;
    draw_order(descent);
    for (guint begin = 0; begin < n; begin += block)
        for (guint v = 1; v <= visits && !interrupted(); v++) {
            descent->begin = begin, descent->end = MIN(begin + block, n);
            descent->measuring = v == visits;
            thread_pool_run(descent->thread_pool, descent->n_groups, visit_block, descent);
        }
}

gboolean stream_descent_run(StreamDescent *descent, LinearFit *fits, Progress *progress, GError **error)
{
    guint left = descent->n_problems;
    for (guint g = 0; g < descent->n_groups; g++)
        for (guint k = 0; k < descent->groups[g].n; k++) {
            Lane *lane = &descent->groups[g].lanes[k];
            lane->finished = FALSE, lane->fit = (LinearFit){0};
            lane->highest = -INFINITY, lane->lowest = INFINITY;
            activate(descent, &descent->groups[g], k);
        }
    while (left > 0) {
        pass(descent);
        if (interrupted())
            return error_set(error, "interrupted");
        for (guint g = 0; g < descent->n_groups; g++)
            for (guint k = 0; k < descent->groups[g].n; k++)
                if (end_pass(descent, &descent->groups[g], k)) {
                    left--;
                    progress_tick(progress, 1);
                }
    }
    for (guint p = 0; fits && p < descent->n_problems; p++) {
        Group *group;
        fits[p] = lane_of(descent, p, &group)->fit;
    }
    return TRUE;
}

/* ---- Results ---- */

static void decide_rows(guint task, guint worker, gpointer data)
{
    StreamDescent *descent = data;
    Group *group = &descent->groups[task];
    for (guint i = 0; i < descent->stream->n; i++) {
        double values[ROW_COLUMNS];
        stream_row_read(descent->stream, i, &group->row);
        stream_decide(descent->stream, group->weights, i, &group->row, values);
        for (guint k = 0; k < group->n; k++)
            descent->values[(gsize)i * descent->n_problems + group->first + k] = (float)values[k];
    }
}

void stream_descent_values(StreamDescent *descent, float *values)
{
    descent->values = values;
    thread_pool_run(descent->thread_pool, descent->n_groups, decide_rows, descent);
}

double stream_descent_unfold(const StreamDescent *descent, guint p, float *kernel, gsize stride)
{
    Group *group;
    lane_of((StreamDescent *)descent, p, &group);
    return stream_unfold(descent->stream, group->weights, p - group->first, kernel + p, stride);
}
