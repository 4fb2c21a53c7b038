/* stream_newton: the primal of L2-regularised logistic regression and L2-loss support vector machines on streamed rows.
 *
 * Newton's method whose steps come from conjugate gradients (Lin, Weng & Keerthi, "Trust region Newton method for
 * large-scale logistic regression", JMLR 9, 2008), with a backtracking line search. A product with the Hessian is one
 * pass over the rows for all lanes of a group. It stops by liblinear's rule: ||gradient|| <= tolerance *
 * min(positive, negative rows) / rows * ||gradient at 0||. */
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "train/linear/stream_group.h"

#include <math.h>
#include <string.h>

enum { MAX_NEWTON = 1000, MAX_CG = 250, MAX_HALVINGS = 20 };
static const double cg_tolerance = 0.1; /* of the gradient's norm, as liblinear's */

/* One number a lane. */
typedef double Numbers[ROW_COLUMNS];

/* A vector of D features and the bias feature, a lane a column; for features as the solver sees them. */
typedef struct {
    double *matrix; /* (D, ROW_COLUMNS) */
    Numbers bias;
} Vectors;

typedef struct {
    StreamFit *fit;
    Group *group;
    const Stream *stream;
    gboolean logistic;
    Vectors w, gradient, step, residual, direction, product;
    StreamWeights *given, *sum;      /* folded: what rows are multiplied with, what they are added to */
    double *values, *slopes;         /* (N, ROW_COLUMNS) w·x~ and step·x~ of each row */
    double *curvatures;              /* (N, ROW_COLUMNS) of the loss at values */
    Numbers first_norm, norm, bound; /* of the gradient at 0, now, and where to stop */
    double loss[ROW_COLUMNS];        /* at w */
} Newton;

/* ---- Vectors ---- */

static Vectors vectors_new(const Stream *stream)
{
    return (Vectors){.matrix = g_new0(double, stream->features *ROW_COLUMNS)};
}

static void dot(const Stream *stream, const Vectors *a, const Vectors *b, double *out)
{
    for (guint k = 0; k < ROW_COLUMNS; k++)
        out[k] = a->bias[k] * b->bias[k];
    for (gsize j = 0; j < stream->features * ROW_COLUMNS; j += ROW_COLUMNS)
        for (guint k = 0; k < ROW_COLUMNS; k++)
            out[k] += a->matrix[j + k] * b->matrix[j + k];
}

/* y = a x + b y, lane by lane. */
static void combine(const Stream *stream, const double *a, const Vectors *x, const double *b, Vectors *y)
{
    for (guint k = 0; k < ROW_COLUMNS; k++)
        y->bias[k] = a[k] * x->bias[k] + b[k] * y->bias[k];
    for (gsize j = 0; j < stream->features * ROW_COLUMNS; j += ROW_COLUMNS)
        for (guint k = 0; k < ROW_COLUMNS; k++)
            y->matrix[j + k] = a[k] * x->matrix[j + k] + b[k] * y->matrix[j + k];
}

static double scale_of(const Stream *stream, gsize feature)
{
    return stream->folded ? stream->set->scaling->inverse[feature] : 1;
}

/* Folded for products with rows (stream.h): v = a∘w. */
static void fold(const Newton *newton, const Vectors *vectors)
{
    const Stream *stream = newton->stream;
    StreamWeights *given = newton->given;
    memset(given->shift, 0, sizeof given->shift);
    memset(given->mean, 0, sizeof given->mean);
    memcpy(given->bias, vectors->bias, sizeof given->bias);
    for (gsize j = 0; j < stream->features; j++) {
        double a = scale_of(stream, j), mean = stream->folded ? stream->set->scaling->mean[j] : 0;
        for (guint k = 0; k < ROW_COLUMNS; k++) {
            given->matrix[j * ROW_COLUMNS + k] = a * vectors->matrix[j * ROW_COLUMNS + k];
            given->mean[k] += given->matrix[j * ROW_COLUMNS + k] * mean;
        }
    }
}

static void clear_sum(const Newton *newton)
{
    memset(newton->sum->matrix, 0, newton->stream->features * ROW_COLUMNS * sizeof(double));
    memset(newton->sum->shift, 0, sizeof newton->sum->shift);
    memset(newton->sum->mean, 0, sizeof newton->sum->mean);
    memset(newton->sum->bias, 0, sizeof newton->sum->bias);
}

/* out = regularised + the sum over rows, unfolded. */
static void unfold(const Newton *newton, const Vectors *regularised, Vectors *out)
{
    const Stream *stream = newton->stream;
    const StreamWeights *sum = newton->sum;
    for (guint k = 0; k < ROW_COLUMNS; k++)
        out->bias[k] = regularised->bias[k] + sum->bias[k];
    for (gsize j = 0; j < stream->features; j++) {
        double a = scale_of(stream, j), q = stream->folded ? stream->folded[j] : 0;
        for (guint k = 0; k < ROW_COLUMNS; k++) {
            gsize at = j * ROW_COLUMNS + k;
            out->matrix[at] = regularised->matrix[at] + (sum->matrix[at] - sum->shift[k] * q) / a;
        }
    }
}

/* ---- The loss ---- */

typedef struct {
    double value, slope, curvature; /* by the decision value */
} Loss;

/* The loss of row i in lane k at this decision value, weighted by its cost. */
static Loss loss_of(const Newton *newton, guint k, guint i, double value)
{
    const Lane *lane = &newton->group->lanes[k];
    if (!lane_has_row(newton->fit, lane, i))
        return (Loss){0};
    gboolean positive = lane_is_positive(newton->fit, lane, i);
    double sign = positive ? 1 : -1, margin = sign * value;
    double cost = positive ? lane->problem.positive_cost : lane->problem.negative_cost;
    if (!newton->logistic) {
        double lack = MAX(0, 1 - margin);
        return (Loss){cost * lack * lack, -2 * cost * sign * lack, lack > 0 ? 2 * cost : 0};
    }
    double small = exp(-fabs(margin)), p = margin >= 0 ? small / (1 + small) : 1 / (1 + small);
    return (Loss){cost * (log1p(small) + MAX(0, -margin)), -cost * sign * p, cost * p * (1 - p)};
}

/* ---- Passes over the rows ---- */

/* values (N, ROW_COLUMNS) = vectors·x~ */
static void multiply(const Newton *newton, const Vectors *vectors, double *values)
{
    fold(newton, vectors);
    for (guint i = 0; i < newton->stream->n && !interrupted(); i++) {
        stream_row_read(newton->stream, i, &newton->group->row);
        stream_decide(newton->stream, newton->given, i, &newton->group->row, values + (gsize)i * ROW_COLUMNS);
    }
}

/* The gradient at w, whose decision values are known, and the loss there. */
static void differentiate(Newton *newton)
{
    clear_sum(newton);
    memset(newton->loss, 0, sizeof newton->loss);
    for (guint i = 0; i < newton->stream->n && !interrupted(); i++) {
        Numbers steps = {0};
        for (guint k = 0; k < newton->group->n; k++) {
            gsize at = (gsize)i * ROW_COLUMNS + k;
            Loss loss = loss_of(newton, k, i, newton->values[at]);
            newton->loss[k] += loss.value;
            newton->curvatures[at] = loss.curvature;
            steps[k] = loss.slope;
        }
        stream_row_read(newton->stream, i, &newton->group->row);
        stream_add(newton->stream, newton->sum, i, &newton->group->row, steps);
    }
    unfold(newton, &newton->w, &newton->gradient);
}

/* product = (I + sum of curvature x~ x~') direction */
static void multiply_hessian(Newton *newton)
{
    fold(newton, &newton->direction);
    clear_sum(newton);
    for (guint i = 0; i < newton->stream->n && !interrupted(); i++) {
        Numbers values;
        stream_row_read(newton->stream, i, &newton->group->row);
        stream_decide(newton->stream, newton->given, i, &newton->group->row, values);
        for (guint k = 0; k < ROW_COLUMNS; k++)
            values[k] *= newton->curvatures[(gsize)i * ROW_COLUMNS + k];
        stream_add(newton->stream, newton->sum, i, &newton->group->row, values);
    }
    unfold(newton, &newton->direction, &newton->product);
}

/* ---- Steps ---- */

/* step = about -H^-1 gradient, of the lanes that are not finished. */
static void solve(Newton *newton)
{
    const Stream *stream = newton->stream;
    Numbers zero = {0}, minus, one, square, next, curvature;
    for (guint k = 0; k < ROW_COLUMNS; k++)
        one[k] = 1, minus[k] = k < newton->group->n && !newton->group->lanes[k].finished ? -1 : 0;
    combine(stream, zero, &newton->gradient, zero, &newton->step);
    combine(stream, minus, &newton->gradient, zero, &newton->residual);
    combine(stream, one, &newton->residual, zero, &newton->direction);
    dot(stream, &newton->residual, &newton->residual, square);
    for (guint c = 0; c < MAX_CG && !interrupted(); c++) {
        gboolean any = FALSE;
        Numbers length = {0}, back = {0}, keep = {0};
        for (guint k = 0; k < newton->group->n; k++)
            any |= minus[k] != 0 && sqrt(square[k]) > cg_tolerance * newton->norm[k];
        if (!any)
            return;
        multiply_hessian(newton);
        dot(stream, &newton->direction, &newton->product, curvature);
        for (guint k = 0; k < newton->group->n; k++)
            if (minus[k] != 0 && sqrt(square[k]) > cg_tolerance * newton->norm[k]) {
                length[k] = square[k] / curvature[k];
                back[k] = -length[k];
            }
        combine(stream, length, &newton->direction, one, &newton->step);
        combine(stream, back, &newton->product, one, &newton->residual);
        dot(stream, &newton->residual, &newton->residual, next);
        for (guint k = 0; k < newton->group->n; k++)
            keep[k] = length[k] != 0 ? next[k] / square[k] : 0;
        combine(stream, one, &newton->residual, keep, &newton->direction);
        memcpy(square, next, sizeof square);
    }
}

/* The loss of lane k at w + length step. */
static double loss_at(const Newton *newton, guint k, double length)
{
    double sum = 0;
    for (guint i = 0; i < newton->stream->n; i++) {
        gsize at = (gsize)i * ROW_COLUMNS + k;
        sum += loss_of(newton, k, i, newton->values[at] + length * newton->slopes[at]).value;
    }
    return sum;
}

/* Moves w and values along step, each lane by the longest of 1, 1/2, 1/4 … that lowers the objective enough. */
static void search_line(Newton *newton)
{
    const Stream *stream = newton->stream;
    Numbers length = {0}, one, ww, ws, ss, gs;
    for (guint k = 0; k < ROW_COLUMNS; k++)
        one[k] = 1;
    multiply(newton, &newton->step, newton->slopes);
    dot(stream, &newton->w, &newton->w, ww);
    dot(stream, &newton->w, &newton->step, ws);
    dot(stream, &newton->step, &newton->step, ss);
    dot(stream, &newton->gradient, &newton->step, gs);
    for (guint k = 0; k < newton->group->n; k++) {
        Lane *lane = &newton->group->lanes[k];
        double before = ww[k] / 2 + newton->loss[k], t = 1;
        guint halvings = 0;
        for (; !lane->finished && halvings < MAX_HALVINGS; halvings++, t /= 2)
            if ((ww[k] + 2 * t * ws[k] + t * t * ss[k]) / 2 + loss_at(newton, k, t) <=
                before + 0.01 * t * gs[k])
                break;
        /* Where no step lowers it, rounding is all that is left. */
        length[k] = lane->finished || halvings == MAX_HALVINGS ? 0 : t;
        lane->fit.not_converged |= !lane->finished && halvings == MAX_HALVINGS;
    }
    combine(stream, length, &newton->step, one, &newton->w);
    for (guint i = 0; i < stream->n; i++)
        for (guint k = 0; k < newton->group->n; k++)
            newton->values[(gsize)i * ROW_COLUMNS + k] +=
                length[k] * newton->slopes[(gsize)i * ROW_COLUMNS + k];
}

/* ---- A group ---- */

static Newton newton_new(StreamFit *fit, Group *group)
{
    const Stream *stream = fit->stream;
    Newton newton = {.fit = fit, .group = group, .stream = stream};
    newton.logistic = fit->settings.solver->logistic;
    Vectors *const all[] = {&newton.w,        &newton.gradient,  &newton.step,
                            &newton.residual, &newton.direction, &newton.product};
    for (guint v = 0; v < G_N_ELEMENTS(all); v++)
        *all[v] = vectors_new(stream);
    newton.given = stream_weights_new(stream);
    newton.sum = stream_weights_new(stream);
    newton.values = g_new0(double, (gsize)stream->n *ROW_COLUMNS);
    newton.slopes = g_new0(double, (gsize)stream->n *ROW_COLUMNS);
    newton.curvatures = g_new0(double, (gsize)stream->n *ROW_COLUMNS);
    return newton;
}

static void newton_clear(Newton *newton)
{
    g_free(newton->w.matrix);
    g_free(newton->gradient.matrix);
    g_free(newton->step.matrix);
    g_free(newton->residual.matrix);
    g_free(newton->direction.matrix);
    g_free(newton->product.matrix);
    stream_weights_free(newton->given);
    stream_weights_free(newton->sum);
    g_free(newton->values);
    g_free(newton->slopes);
    g_free(newton->curvatures);
}

gsize stream_newton_memory(gsize features, guint n, guint lanes)
{
    return (8 * features + 3 * (gsize)n) * ROW_COLUMNS * sizeof(double);
}

/* Where each lane may stop, from the gradient at 0. */
static void set_bounds(Newton *newton)
{
    differentiate(newton);
    dot(newton->stream, &newton->gradient, &newton->gradient, newton->first_norm);
    for (guint k = 0; k < newton->group->n; k++) {
        const Lane *lane = &newton->group->lanes[k];
        guint positive = 0;
        for (guint i = 0; i < newton->stream->n; i++)
            positive += lane_has_row(newton->fit, lane, i) && lane_is_positive(newton->fit, lane, i);
        double share = (double)MAX(MIN(positive, lane->rows - positive), 1) / MAX(lane->rows, 1);
        newton->bound[k] = newton->fit->settings.tolerance * share * sqrt(newton->first_norm[k]);
    }
}

/* Marks the lanes that are done; TRUE while some are not. */
static gboolean goes_on(Newton *newton, guint iterations)
{
    gboolean any = FALSE;
    dot(newton->stream, &newton->gradient, &newton->gradient, newton->norm);
    for (guint k = 0; k < newton->group->n; k++) {
        Lane *lane = &newton->group->lanes[k];
        newton->norm[k] = sqrt(newton->norm[k]);
        if (lane->finished)
            continue;
        lane->fit.iterations = (int)iterations;
        if (newton->norm[k] <= newton->bound[k])
            lane->fit.not_converged = FALSE;
        else
            lane->fit.not_converged |= iterations >= MAX_NEWTON;
        lane->finished = newton->norm[k] <= newton->bound[k] || lane->fit.not_converged;
        any |= !lane->finished;
    }
    return any;
}

static void fit_group(guint task, guint worker, gpointer data)
{
    StreamFit *fit = data;
    Newton newton = newton_new(fit, &fit->groups[task]);
    set_bounds(&newton);
    for (guint iterations = 0; goes_on(&newton, iterations) && !interrupted(); iterations++) {
        solve(&newton);
        search_line(&newton);
        differentiate(&newton);
    }
    fold(&newton, &newton.w);
    StreamWeights *weights = fit->groups[task].weights;
    memcpy(weights->matrix, newton.given->matrix, fit->stream->features * ROW_COLUMNS * sizeof(double));
    memcpy(weights->mean, newton.given->mean, sizeof weights->mean);
    memcpy(weights->bias, newton.given->bias, sizeof weights->bias);
    newton_clear(&newton);
}

gboolean stream_newton_run(StreamFit *fit, Progress *progress, GError **error)
{
    thread_pool_run(fit->thread_pool, fit->n_groups, fit_group, fit);
    progress_tick(progress, fit->n_problems);
    return interrupted() ? error_set(error, "interrupted") : TRUE;
}
