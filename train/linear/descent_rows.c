/* descent_rows: see descent_rows.h. */
#include "train/linear/descent_rows.h"

#include "common/arithmetic/blas.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/memory.h"
#include "common/network/layers.h"

#include <string.h>

/* ---- One row ---- */

DescentRow descent_row_new(const DescentRows *rows, Arena *arena)
{
    gsize room = rows->width + ROW_SLACK;
    if (rows->reduced)
        return (DescentRow){0};
    DescentRow row = {.index = arena_new(arena, guint32, room), .value = arena_floats(arena, room)};
    row.features = arena_floats(arena, rows->set->rows.width);
    row.sums = arena_new(arena, double, rows->set->channels);
    row.scaled = rows->set->scaling->kind == SCALE_STANDARD ? arena_floats(arena, room) : row.value;
    return row;
}

/* Non-zeros ascend: a channel is what is left after the places before. */
static void read_averages(const DescentRows *rows, DescentRow *row)
{
    const TrainingSet *set = rows->set;
    const float *a = set->scaling->inverse;
    guint32 channels = (guint32)set->channels, place = 0, count = row->count;
    if (!channels)
        return;
    memset(row->sums, 0, channels * sizeof *row->sums);
    for (guint t = 0; t < count; t++) {
        while (row->index[t] - place >= channels)
            place += channels;
        row->sums[row->index[t] - place] += (double)row->value[t] * (a ? a[row->index[t]] : 1);
    }
    for (guint32 c = 0; c < channels; c++) {
        row->index[count] = (guint32)set->rows.width + c;
        row->value[count] = (float)(set->share * row->sums[c]);
        count += row->sums[c] != 0;
    }
    row->count = count;
}

void descent_row_read(const DescentRows *rows, guint i, DescentRow *row)
{
    row->i = i;
    if (rows->reduced)
        return;
    const float *x = rows_get(&rows->set->rows, i, row->features);
    row->count = kernels_current()->row->nonzeros(x, rows->set->rows.width, row->index, row->value);
    if (rows->set->scaling->kind == SCALE_SQRT)
        for (guint t = 0; t < row->count; t++)
            row->value[t] = signed_root(row->value[t]);
    read_averages(rows, row);
    for (guint t = 0; rows->feature_squares && t < row->count; t++)
        row->scaled[t] = row->value[t] * rows->feature_squares[row->index[t]];
}

/* ---- What every row needs once ---- */

static void fold_scaling(DescentRows *rows)
{
    const TrainingSet *set = rows->set;
    const Scaling *scaling = set->scaling;
    gsize width = set->rows.width;
    for (gsize j = 0; j < width; j++) {
        double a = scaling->inverse[j], mean = scaling->mean[j];
        rows->feature_squares[j] = (float)(a * a);
        rows->folded[j] = rows->feature_squares[j] * mean;
        rows->folded_mean += rows->folded[j] * mean;
        if (set->channels)
            rows->folded[width + j % set->channels] += set->share * a * mean;
    }
    for (gsize j = width; j < rows->width; j++) {
        rows->feature_squares[j] = 1;
        rows->folded_mean += rows->folded[j] * rows->folded[j];
    }
}

/* Row i of L has i + 1 entries; the rest are zero. */
static const double *factor_row(const DescentRows *rows, guint i)
{
    return rows->factor.matrix + (gsize)i * rows->n;
}

static double square_of(DescentRows *rows, const DescentRow *row)
{
    const TrainingSet *set = rows->set;
    double f = set->factors[row->i], bias = set->bias, square = 0, folded = 0;
    for (guint t = 0; t < row->count; t++) {
        square += (double)row->value[t] * row->scaled[t];
        folded += rows->folded ? rows->folded[row->index[t]] * row->value[t] : 0;
    }
    if (rows->row_folded)
        rows->row_folded[row->i] = folded;
    return f * f * square - 2 * f * folded + rows->folded_mean + bias * bias;
}

enum { ROWS_PER_TASK = 64 };

static void measure_rows(guint task, guint worker, gpointer data)
{
    DescentRows *rows = data;
    g_auto(Arena) arena = {0};
    DescentRow row = descent_row_new(rows, &arena);
    arena_take(&arena);
    row = descent_row_new(rows, &arena);
    for (guint i = task * ROWS_PER_TASK; i < MIN(rows->n, (task + 1) * ROWS_PER_TASK) && !interrupted();
         i++) {
        descent_row_read(rows, i, &row);
        rows->squares[i] = rows->reduced
                               ? blas()->cblas_ddot(i + 1, factor_row(rows, i), 1, factor_row(rows, i), 1)
                               : square_of(rows, &row);
    }
}

/* Rows that stay in memory while they are visited: all of them, or blocks of half of what is there (Yu, Hsieh, Chang &
 * Lin 2010, "Large linear classification when data cannot fit in memory"). */
static guint rows_that_fit(const DescentRows *rows)
{
    gsize row = rows->set->rows.bytes, available = memory_available();
    return rows->reduced || available / row > rows->n ? rows->n
                                                      : (guint)CLAMP(available / 2 / row, 1, rows->n);
}

DescentRows descent_rows_outline(Arena *arena, const TrainingSet *set, gboolean reduced, guint n)
{
    gsize width = reduced ? n : set->features, estimate = (gsize)((double)set->nonzeros * n / set->rows.n),
          nonzeros = n == set->rows.n ? set->nonzeros : estimate;
    gboolean folds = !reduced && set->scaling->kind == SCALE_STANDARD;
    return (DescentRows){.set = set,
                         .reduced = reduced,
                         .factor = reduced ? gram_factor_new(arena, set, n) : (GramFactor){0},
                         .width = width,
                         .n = n,
                         .columns = reduced ? 1 : ROW_COLUMNS,
                         .nonzeros = reduced ? (gsize)n * (n + 1) / 2 : nonzeros,
                         .squares = arena_new(arena, double, n),
                         .feature_squares = folds ? arena_floats(arena, width) : NULL,
                         .folded = folds ? arena_new(arena, double, width) : NULL,
                         .row_folded = folds ? arena_new(arena, double, n) : NULL};
}

DescentRows *descent_rows_new(const TrainingSet *set, gboolean reduced, ThreadPool *thread_pool,
                              GError **error)
{
    Arena arena = {0};
    descent_rows_outline(&arena, set, reduced, set->rows.n);
    if (!arena_try_take(&arena))
        return error_null(error,
                          reduced
                              ? "the Gram matrix of %u images needs %.1f GB; use --no-reduce or fewer images"
                              : "the rows of %u images need %.1f GB; use fewer images",
                          set->rows.n, (double)arena_bytes(&arena) / 1e9);
    g_autoptr(DescentRows) rows = g_new(DescentRows, 1);
    *rows = descent_rows_outline(&arena, set, reduced, set->rows.n);
    rows->arena = arena;
    rows->block = rows_that_fit(rows);
    if (rows->folded)
        fold_scaling(rows);
    gboolean learns = !reduced || gram_factor_fill(&rows->factor, thread_pool);
    thread_pool_run(thread_pool, (rows->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK, measure_rows, rows);
    double largest = 0;
    for (guint i = 0; i < rows->n; i++)
        largest = MAX(largest, rows->squares[i] - set->bias * set->bias);
    if (learns && !interrupted() && largest > 0)
        return g_steal_pointer(&rows);
    return error_null(error, interrupted()
                                 ? "interrupted"
                                 : "all features are zero after scaling: there is nothing to learn");
}

void descent_rows_free(DescentRows *rows)
{
    if (!rows)
        return;
    arena_clear(&rows->arena);
    g_free(rows);
}

double descent_rows_mean_square(const DescentRows *rows)
{
    double sum = 0;
    for (guint i = 0; i < rows->n; i++)
        sum += rows->squares[i];
    return sum / rows->n;
}

/* ---- Weights ---- */

DescentWeights descent_weights_new(const DescentRows *rows, Arena *arena)
{
    return (DescentWeights){.matrix = arena_new(arena, double, rows->width * rows->columns)};
}

void descent_weights_decide(const DescentRows *rows, const DescentWeights *weights, const DescentRow *row,
                            double *values)
{
    if (rows->reduced) {
        *values = blas()->cblas_ddot(row->i + 1, factor_row(rows, row->i), 1, weights->matrix, 1);
        return;
    }
    double f = rows->set->factors[row->i], bias = rows->set->bias;
    double folded = rows->row_folded ? rows->row_folded[row->i] : 0;
    kernels_current()->row->dot(weights->matrix, row->index, row->value, row->count, values);
    for (guint k = 0; k < ROW_COLUMNS; k++)
        values[k] = f * (values[k] - weights->shift[k] * folded) -
                    (weights->mean[k] - weights->shift[k] * rows->folded_mean) + bias * weights->bias[k];
}

void descent_weights_add(const DescentRows *rows, DescentWeights *weights, const DescentRow *row,
                         const double *step)
{
    if (rows->reduced) {
        blas()->cblas_daxpy(row->i + 1, *step, factor_row(rows, row->i), 1, weights->matrix, 1);
        return;
    }
    double f = rows->set->factors[row->i], bias = rows->set->bias, scaled[ROW_COLUMNS];
    double folded = rows->row_folded ? rows->row_folded[row->i] : 0;
    for (guint k = 0; k < ROW_COLUMNS; k++) {
        scaled[k] = f * step[k];
        weights->bias[k] += bias * step[k];
        if (rows->folded) {
            weights->shift[k] += step[k];
            weights->mean[k] += scaled[k] * folded;
        }
    }
    kernels_current()->row->add(weights->matrix, row->index, row->scaled, row->count, scaled);
}

void descent_weights_unfold(const DescentRows *rows, const DescentWeights *weights, guint column, double *out)
{
    for (gsize j = 0; j < rows->width; j++) {
        double v = weights->matrix[j * rows->columns + column];
        if (rows->folded)
            v -= weights->shift[column] * rows->folded[j];
        if (rows->folded && j < rows->set->rows.width)
            v /= rows->set->scaling->inverse[j];
        out[j] = v;
    }
    if (!rows->reduced)
        out[rows->width] = weights->bias[column];
}
