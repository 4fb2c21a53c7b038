/* descent: see descent.h. */
#include "train/linear/descent.h"

#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/rng.h"

#include <math.h>
#include <string.h>

enum {
    MAX_PASSES = 1000,   /* liblinear's max_iter */
    MAX_STEPS = 100,     /* liblinear's max_inner_iter */
    VISITS_OF_BLOCK = 3, /* before the next one is read, where not all rows fit into memory */
};

typedef struct Group Group;

/* One problem of a group. */
typedef struct {
    LinearProblem *problem;
    Group *group;
    guint8 bit; /* of the group's active */
    guint rows; /* that it is trained on */
    gboolean finished;
    double cost[2];              /* of an error: negative side, positive side */
    double bound[2], damping[2]; /* of alpha; 1 / 2C for the squared loss, else 0 */
    double highest, lowest;      /* projected gradients of this pass */
    double shrink_above,
        shrink_below; /* those of the last pass: beyond them, a row whose alpha is at its bound is
                                          left out */
    guint active;     /* rows not left out */
    double precision; /* of a row's step, for the logistic loss */
    guint steps;      /* that this pass took to reach it */
} Lane;

/* Problems that share a pass over the rows; a task of the thread pool. */
struct Group {
    Lane *lanes;    /* (n) up to ROW_COLUMNS */
    guint n, first; /* lanes; number of the first one's problem */
    DescentWeights weights;
    DescentRow row;
    double *alpha;  /* (N, n) dual variables; for the logistic loss (N, n, 2) with C - alpha */
    guint8 *active; /* (N) a bit a lane: the row is neither left out nor foreign */
};

struct Descent {
    const LinearTraining *training;
    const DescentRows *rows;
    Lane *lanes; /* (n_problems) */
    Group *groups;
    guint n_groups, n_problems;
    gboolean logistic;
    guint passes;     /* ever made: each draws another order */
    guint32 *order;   /* (N) rows, block by block */
    guint begin, end; /* of the current block, in order */
    gboolean measuring;
    float *values; /* of descent_values */
};

/* ---- Groups ---- */

static gboolean is_positive(const Descent *descent, const Lane *lane, guint i)
{
    return descent->training->labels[i] == lane->problem->class;
}

static Group group_new(Arena *arena, const Descent *descent, guint first, guint n)
{
    const DescentRows *rows = descent->rows;
    return (Group){.n = n,
                   .first = first,
                   .weights = descent_weights_new(rows, arena),
                   .row = descent_row_new(rows, arena),
                   .alpha = arena_new(arena, double, (gsize)rows->n *n *(descent->logistic ? 2 : 1)),
                   .active = arena_new(arena, guint8, rows->n)};
}

/* Groups are enough for all threads, and of nearly equal size. */
Descent *descent_new(Arena *arena, const LinearTraining *training, LinearProblem *problems, guint n)
{
    const DescentRows *rows = training->rows;
    guint threads = thread_pool_threads(training->thread_pool);
    guint groups = MAX((n + rows->columns - 1) / rows->columns, MIN(threads, n));
    Descent *descent = arena_new(arena, Descent, 1),
            outline = {.training = training,
                       .rows = rows,
                       .lanes = arena_new(arena, Lane, n),
                       .groups = arena_new(arena, Group, groups),
                       .n_groups = groups,
                       .n_problems = n,
                       .logistic = training->solver->loss == LOSS_LOGISTIC,
                       .order = arena_new(arena, guint32, rows->n)};
    for (guint g = 0; g < groups; g++) {
        guint first = (guint)((guint64)g * n / groups), end = (guint)((guint64)(g + 1) * n / groups);
        Group group = group_new(arena, &outline, first, end - first);
        if (!descent)
            continue;
        group.lanes = outline.lanes + first;
        outline.groups[g] = group;
        for (guint k = 0; k < group.n; k++)
            group.lanes[k] = (Lane){
                .problem = &problems[first + k], .group = &outline.groups[g], .bit = (guint8)(1u << k)};
    }
    if (descent)
        *descent = outline;
    return descent;
}

/* ---- One row in one problem: the change of alpha, for its decision value times its sign ---- */

/* TRUE: the row is to be left out. */
static gboolean hinge_step(Lane *lane, gboolean measuring, gboolean side, double square, double margin,
                           double *alpha, double *step)
{
    double before = *alpha, bound = lane->bound[side], damping = lane->damping[side];
    double gradient = margin - 1 + damping * before, projected = gradient;
    if (before == 0)
        projected = MIN(gradient, 0);
    else if (before == bound)
        projected = MAX(gradient, 0);
    if (measuring) {
        if ((before == 0 && gradient > lane->shrink_above) ||
            (before == bound && gradient < lane->shrink_below))
            return TRUE;
        lane->highest = MAX(lane->highest, projected);
        lane->lowest = MIN(lane->lowest, projected);
    }
    if (fabs(projected) > 1e-12)
        *alpha = CLAMP(before - gradient / (square + damping), 0, bound);
    *step = *alpha - before;
    return FALSE;
}

/* alpha[0] and alpha[1] = C - alpha[0], of which the smaller is moved: both stay exact near 0. */
static void logistic_step(Lane *lane, gboolean measuring, double cost, double square, double margin,
                          double *alpha, double *step)
{
    guint moved = square / 2 * (alpha[1] - alpha[0]) + margin < 0;
    double sign = moved ? -1 : 1, before = alpha[moved], z = cost - before < cost / 2 ? 0.1 * before : before;
    double slope = square * (z - before) + sign * margin + log(z / (cost - z));
    guint steps = 0;
    if (measuring)
        lane->highest = MAX(lane->highest, fabs(slope));
    for (; steps <= MAX_STEPS && fabs(slope) >= lane->precision; steps++) {
        double next = z - slope / (square + cost / (cost - z) / z);
        z = next > 0 ? next : 0.1 * z;
        slope = square * (z - before) + sign * margin + log(z / (cost - z));
    }
    lane->steps += steps;
    if (steps == 0)
        return;
    alpha[moved] = z, alpha[!moved] = cost - z;
    *step = sign * (z - before);
}

/* ---- Visits ---- */

static double step_of(const Descent *descent, Group *group, guint k, double value)
{
    Lane *lane = &group->lanes[k];
    guint i = group->row.i;
    gboolean side = is_positive(descent, lane, i);
    double sign = side ? 1 : -1, square = descent->rows->squares[i], step = 0;
    gsize at = (gsize)i * group->n + k;
    if (descent->logistic)
        logistic_step(lane, descent->measuring, lane->cost[side], square, sign * value, group->alpha + 2 * at,
                      &step);
    else if (hinge_step(lane, descent->measuring, side, square, sign * value, group->alpha + at, &step)) {
        group->active[i] &= (guint8)~lane->bit;
        lane->active--;
    }
    return sign * step;
}

static void visit(const Descent *descent, Group *group, guint i)
{
    double values[ROW_COLUMNS], steps[ROW_COLUMNS] = {0};
    guint8 active = group->active[i];
    gboolean any = FALSE;
    descent_row_read(descent->rows, i, &group->row);
    descent_weights_decide(descent->rows, &group->weights, &group->row, values);
    for (guint k = 0; k < group->n; k++)
        if (active & group->lanes[k].bit) {
            steps[k] = step_of(descent, group, k, values[k]);
            any |= steps[k] != 0;
        }
    if (any)
        descent_weights_add(descent->rows, &group->weights, &group->row, steps);
}

static void visit_block(guint task, guint worker, gpointer data)
{
    Descent *descent = data;
    Group *group = &descent->groups[task];
    for (guint s = descent->begin; s < descent->end && !interrupted(); s++)
        if (group->active[descent->order[s]])
            visit(descent, group, descent->order[s]);
}

/* ---- Passes ---- */

/* Returns how many of the rows are positive. */
static guint activate(const Descent *descent, Lane *lane)
{
    guint8 *active = lane->group->active;
    guint positive = 0;
    lane->active = 0;
    for (guint i = 0; i < descent->rows->n; i++)
        if (!lane->finished && part_trains_on(lane->problem->part, i)) {
            active[i] |= lane->bit;
            lane->active++;
            positive += is_positive(descent, lane, i) ? 1 : 0;
        } else {
            active[i] &= (guint8)~lane->bit;
        }
    lane->shrink_above = INFINITY, lane->shrink_below = -INFINITY;
    return positive;
}

/* Once the rows that are not left out agree, all rows must. TRUE when the lane is done. */
static gboolean end_hinge_pass(const Descent *descent, Lane *lane)
{
    if (lane->highest - lane->lowest <= descent->training->tolerance) {
        gboolean all = lane->active == lane->rows;
        activate(descent, lane);
        return all;
    }
    lane->shrink_above = lane->highest > 0 ? lane->highest : INFINITY;
    lane->shrink_below = lane->lowest < 0 ? lane->lowest : -INFINITY;
    return FALSE;
}

static gboolean end_logistic_pass(const Descent *descent, Lane *lane)
{
    if (lane->steps <= lane->rows / 10)
        lane->precision = MAX(MIN(1e-8, descent->training->tolerance), 0.1 * lane->precision);
    lane->steps = 0;
    return lane->highest < descent->training->tolerance;
}

/* TRUE when the problem has just been finished. */
static gboolean end_pass(const Descent *descent, Lane *lane)
{
    LinearProblem *problem = lane->problem;
    if (lane->finished)
        return FALSE;
    problem->iterations++;
    gboolean good = descent->logistic ? end_logistic_pass(descent, lane) : end_hinge_pass(descent, lane);
    problem->not_converged = !good && problem->iterations >= MAX_PASSES;
    lane->finished = good || problem->not_converged;
    if (lane->finished)
        activate(descent, lane);
    lane->highest = -INFINITY, lane->lowest = INFINITY;
    return lane->finished;
}

static void draw_order(Descent *descent)
{
    guint n = descent->rows->n, block = descent->rows->block;
    Rng rng = rng_new(descent->training->seed, descent->passes++);
    for (guint i = 0; i < n; i++)
        descent->order[i] = i;
    for (guint begin = 0; begin < n; begin += block)
        rng_shuffle(&rng, descent->order + begin, MIN(block, n - begin));
}

static void pass(Descent *descent)
{
    const DescentRows *rows = descent->rows;
    guint visits = rows->block < rows->n ? VISITS_OF_BLOCK : 1;
    draw_order(descent);
    for (guint begin = 0; begin < rows->n; begin += rows->block)
        for (guint v = 1; v <= visits && !interrupted(); v++) {
            descent->begin = begin, descent->end = MIN(begin + rows->block, rows->n);
            descent->measuring = v == visits;
            thread_pool_run(descent->training->thread_pool, descent->n_groups, visit_block, descent);
        }
}

/* ---- Runs ---- */

static void start_lane(const Descent *descent, Lane *lane, double cost)
{
    Loss loss = descent->training->solver->loss;
    linear_costs(descent->training, lane->problem->class, cost, &lane->cost[1], &lane->cost[0]);
    for (int side = 0; side < 2; side++) {
        lane->bound[side] = loss == LOSS_HINGE ? lane->cost[side] : INFINITY;
        lane->damping[side] = loss == LOSS_HINGE ? 0 : 0.5 / lane->cost[side];
    }
    lane->problem->iterations = 0, lane->problem->not_converged = FALSE;
    lane->highest = -INFINITY, lane->lowest = INFINITY;
    lane->precision = 0.01, lane->steps = 0;
    lane->finished = FALSE;
    guint positive = activate(descent, lane);
    lane->rows = lane->active;
    lane->finished = positive == 0 || positive == lane->rows;
    if (lane->finished)
        activate(descent, lane);
}

/* The dual of logistic regression has no optimum at 0: alpha begins near it, or where the last run ended, and w with
 * it. */
static void start_logistic(guint task, guint worker, gpointer data)
{
    Descent *descent = data;
    Group *group = &descent->groups[task];
    for (guint i = 0; i < descent->rows->n; i++) {
        double steps[ROW_COLUMNS] = {0};
        for (guint k = 0; k < group->n; k++) {
            const Lane *lane = &group->lanes[k];
            gboolean side = is_positive(descent, lane, i);
            double *alpha = group->alpha + 2 * ((gsize)i * group->n + k), cost = lane->cost[side];
            if (!(group->active[i] & lane->bit))
                continue;
            if (alpha[0] == 0) {
                alpha[0] = MIN(0.001 * cost, 1e-8);
                steps[k] = side ? alpha[0] : -alpha[0];
            }
            alpha[1] = cost - alpha[0];
        }
        descent_row_read(descent->rows, i, &group->row);
        descent_weights_add(descent->rows, &group->weights, &group->row, steps);
    }
}

/* Returns how many problems are to be solved. */
static guint start(Descent *descent, double cost)
{
    guint left = 0;
    for (guint p = 0; p < descent->n_problems; p++) {
        start_lane(descent, &descent->lanes[p], cost);
        left += descent->lanes[p].finished ? 0 : 1;
    }
    if (descent->logistic)
        thread_pool_run(descent->training->thread_pool, descent->n_groups, start_logistic, descent);
    return left;
}

/* Problems end together, after passes that nobody can count beforehand: a time left would only mislead. */
static void tell_pass(Progress *progress, guint pass)
{
    g_autofree char *note = g_strdup_printf("pass %u over the rows", pass);
    progress_note(progress, note);
    progress_tick(progress, 0);
}

gboolean descent_run(Descent *descent, double cost, Progress *progress, GError **error)
{
    guint left = start(descent, cost);
    progress_tick(progress, descent->n_problems - left);
    for (guint passes = 1; left > 0; passes++) {
        tell_pass(progress, passes);
        pass(descent);
        if (interrupted())
            return error_set(error, "interrupted");
        for (guint p = 0; p < descent->n_problems; p++)
            if (end_pass(descent, &descent->lanes[p])) {
                left--;
                progress_tick(progress, 1);
            }
    }
    progress_note(progress, NULL);
    return TRUE;
}

/* ---- Results ---- */

static void decide_rows(guint task, guint worker, gpointer data)
{
    const Descent *descent = data;
    Group *group = &descent->groups[task];
    for (guint i = 0; i < descent->rows->n; i++) {
        double values[ROW_COLUMNS];
        descent_row_read(descent->rows, i, &group->row);
        descent_weights_decide(descent->rows, &group->weights, &group->row, values);
        for (guint k = 0; k < group->n; k++)
            descent->values[(gsize)i * descent->n_problems + group->first + k] = (float)values[k];
    }
}

void descent_values(Descent *descent, float *values)
{
    descent->values = values;
    thread_pool_run(descent->training->thread_pool, descent->n_groups, decide_rows, descent);
}

void descent_weights(const Descent *descent, guint outputs, double *w)
{
    const DescentRows *rows = descent->rows;
    for (guint p = 0; p < outputs; p++, w += descent_rows_weights(rows)) {
        const Group *group = descent->lanes[p].group;
        descent_weights_unfold(rows, &group->weights, p - group->first, w);
    }
}
