/* stream_descent: dual coordinate descent for support vector machines on streamed rows.
 *
 * Hsieh, Chang, Lin, Keerthi & Sundararajan, "A dual coordinate descent method for large-scale linear SVM", ICML 2008,
 * algorithm 3 with shrinking and liblinear's stopping rule. The order of the rows is drawn once a pass for all
 * problems, so the steps are not liblinear's, but the optimum is. Where rows exceed memory they are visited block by
 * block (Yu, Hsieh, Chang & Lin 2010), each block several times before the next is read. */
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/rng.h"
#include "train/linear/stream_group.h"

#include <math.h>

enum {
    MAX_PASSES = 1000,   /* liblinear's max_iter */
    VISITS_OF_BLOCK = 3, /* before the next one is read, where not all rows fit into memory */
};

/* Of one lane. */
typedef struct {
    double bound[2], damping[2];       /* negative side, positive side: of alpha; 1 / 2C for the L2 loss */
    double highest, lowest;            /* projected gradients of this pass */
    double shrink_above, shrink_below; /* those of the last pass */
    guint active;                      /* rows not shrunk away */
} Range;

typedef struct {
    StreamFit *fit;
    Range (*ranges)[ROW_COLUMNS]; /* (groups) */
    guint8 *active;               /* (groups, N) a bit a lane */
    guint32 *order;               /* (N) rows, block by block */
    guint begin, end;             /* of the current block, in order */
    gboolean measuring;
} Descent;

/* ---- One row ---- */

/* The step of w along row i in one problem, for its decision value there; 0 where it stays. */
static double step_of(Descent *descent, guint g, guint k, guint i, double value)
{
    const StreamFit *fit = descent->fit;
    Group *group = &fit->groups[g];
    Range *range = &descent->ranges[g][k];
    double *alpha = &group->alpha[(gsize)i * group->n + k], before = *alpha;
    gboolean positive = lane_is_positive(fit, &group->lanes[k], i);
    double sign = positive ? 1 : -1, bound = range->bound[positive], damping = range->damping[positive];
    double gradient = sign * value - 1 + damping * before, projected = gradient;
    if (before == 0)
        projected = MIN(gradient, 0);
    else if (before == bound)
        projected = MAX(gradient, 0);
    if (descent->measuring) {
        if ((before == 0 && gradient > range->shrink_above) ||
            (before == bound && gradient < range->shrink_below)) {
            descent->active[(gsize)g * fit->stream->n + i] &= (guint8) ~(1u << k);
            range->active--;
            return 0;
        }
        range->highest = MAX(range->highest, projected);
        range->lowest = MIN(range->lowest, projected);
    }
    if (fabs(projected) <= 1e-12)
        return 0;
    *alpha = CLAMP(before - gradient / (fit->stream->row_squares[i] + damping), 0, bound);
    return (*alpha - before) * sign;
}

static void visit(Descent *descent, guint g, guint i, guint8 active)
{
    const Stream *stream = descent->fit->stream;
    Group *group = &descent->fit->groups[g];
    double values[ROW_COLUMNS], steps[ROW_COLUMNS] = {0};
    gboolean any = FALSE;
    stream_row_read(stream, i, &group->row);
    stream_decide(stream, group->weights, i, &group->row, values);
    for (guint k = 0; k < group->n; k++)
        if (active & 1u << k) {
            steps[k] = step_of(descent, g, k, i, values[k]);
            any |= steps[k] != 0;
        }
    if (any)
        stream_add(stream, group->weights, i, &group->row, steps);
}

static void visit_block(guint task, guint worker, gpointer data)
{
    Descent *descent = data;
    const guint8 *active = descent->active + (gsize)task * descent->fit->stream->n;
    for (guint s = descent->begin; s < descent->end && !interrupted(); s++)
        if (active[descent->order[s]])
            visit(descent, task, descent->order[s], active[descent->order[s]]);
}

/* ---- Passes ---- */

static void activate(Descent *descent, guint g, guint k)
{
    const StreamFit *fit = descent->fit;
    const Lane *lane = &fit->groups[g].lanes[k];
    Range *range = &descent->ranges[g][k];
    guint8 *active = descent->active + (gsize)g * fit->stream->n;
    for (guint i = 0; i < fit->stream->n; i++)
        if (!lane->finished && lane_has_row(fit, lane, i))
            active[i] |= (guint8)(1u << k);
        else
            active[i] &= (guint8) ~(1u << k);
    range->active = lane->finished ? 0 : lane->rows;
    range->shrink_above = INFINITY, range->shrink_below = -INFINITY;
}

/* liblinear's rule: once the unshrunk rows agree, all rows must. TRUE when the problem has just been finished. */
static gboolean end_pass(Descent *descent, guint g, guint k)
{
    Lane *lane = &descent->fit->groups[g].lanes[k];
    Range *range = &descent->ranges[g][k];
    if (lane->finished)
        return FALSE;
    lane->fit.iterations++;
    if (range->highest - range->lowest <= descent->fit->settings.tolerance) {
        lane->finished = range->active == lane->rows;
        activate(descent, g, k);
    } else {
        range->shrink_above = range->highest > 0 ? range->highest : INFINITY;
        range->shrink_below = range->lowest < 0 ? range->lowest : -INFINITY;
    }
    if (!lane->finished && lane->fit.iterations >= MAX_PASSES) {
        lane->finished = lane->fit.not_converged = TRUE;
        activate(descent, g, k);
    }
    range->highest = -INFINITY, range->lowest = INFINITY;
    return lane->finished;
}

static void draw_order(Descent *descent)
{
    StreamFit *fit = descent->fit;
    guint n = fit->stream->n, block = fit->stream->block;
    Rng rng = rng_new(fit->settings.seed, fit->passes++);
    for (guint i = 0; i < n; i++)
        descent->order[i] = i;
    for (guint begin = 0; begin < n; begin += block)
        rng_shuffle(&rng, descent->order + begin, MIN(block, n - begin));
}

static void pass(Descent *descent)
{
    const Stream *stream = descent->fit->stream;
    guint visits = stream->block < stream->n ? VISITS_OF_BLOCK : 1;
    draw_order(descent);
    for (guint begin = 0; begin < stream->n; begin += stream->block)
        for (guint v = 1; v <= visits && !interrupted(); v++) {
            descent->begin = begin, descent->end = MIN(begin + stream->block, stream->n);
            descent->measuring = v == visits;
            thread_pool_run(descent->fit->thread_pool, descent->fit->n_groups, visit_block, descent);
        }
}

static void start(Descent *descent, guint g, guint k)
{
    const StreamProblem *problem = &descent->fit->groups[g].lanes[k].problem;
    Range *range = &descent->ranges[g][k];
    gboolean hinge = g_str_equal(descent->fit->settings.solver->name, "L2R_L1LOSS_SVC_DUAL");
    for (int side = 0; side < 2; side++) {
        double cost = side ? problem->positive_cost : problem->negative_cost;
        range->bound[side] = hinge ? cost : INFINITY;
        range->damping[side] = hinge ? 0 : 0.5 / cost;
    }
    range->highest = -INFINITY, range->lowest = INFINITY;
    activate(descent, g, k);
}

/* Problems end together, after passes that nobody can count beforehand: a time left would only mislead. */
static void tell_pass(Progress *progress, guint pass)
{
    g_autofree char *note = g_strdup_printf("pass %u over the rows", pass);
    progress_note(progress, note);
    progress_tick(progress, 0);
}

gboolean stream_descent_run(StreamFit *fit, Progress *progress, GError **error)
{
    g_autofree guint8 *active = g_new0(guint8, (gsize)fit->n_groups * fit->stream->n);
    g_autofree guint32 *order = g_new(guint32, fit->stream->n);
    g_autofree gpointer ranges = g_new0(Range, fit->n_groups * ROW_COLUMNS);
    Descent descent = {.fit = fit, .ranges = ranges, .active = active, .order = order};
    guint left = fit->n_problems;
    for (guint g = 0; g < fit->n_groups; g++)
        for (guint k = 0; k < fit->groups[g].n; k++)
            start(&descent, g, k);
    for (guint passes = 1; left > 0; passes++) {
        tell_pass(progress, passes);
        pass(&descent);
        if (interrupted())
            return error_set(error, "interrupted");
        for (guint g = 0; g < fit->n_groups; g++)
            for (guint k = 0; k < fit->groups[g].n; k++)
                if (end_pass(&descent, g, k)) {
                    left--;
                    progress_tick(progress, 1);
                }
    }
    progress_note(progress, NULL);
    return TRUE;
}
