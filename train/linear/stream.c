/* stream: rows of a cache in place, with scaling folded into the weights; see stream.h. */
#include "train/linear/stream.h"

#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/core/interrupt.h"
#include "common/core/memory.h"

#include <math.h>
#include <string.h>

/* ---- Rows ---- */

StreamRow stream_row_new(const Stream *stream)
{
    gsize room = stream->features + ROW_SLACK;
    StreamRow row = {.index = g_new(guint32, room), .value = g_new(float, room)};
    row.features = g_new(float, stream->features);
    row.scaled = stream->squares ? g_new(float, room) : row.value;
    return row;
}

void stream_row_clear(StreamRow *row)
{
    if (row->scaled != row->value)
        g_free(row->scaled);
    g_free(row->features);
    g_free(row->value);
    g_free(row->index);
}

void stream_row_read(const Stream *stream, guint i, StreamRow *row)
{
    const float *x = rows_get(&stream->set->rows, i, row->features);
    row->count = kernels_current()->row->nonzeros(x, stream->features, row->index, row->value);
    if (stream->squares)
        for (guint t = 0; t < row->count; t++)
            row->scaled[t] = row->value[t] * stream->squares[row->index[t]];
}

/* ---- What every row needs once ---- */

static void fold_scaling(Stream *stream)
{
    const Scaling *scaling = stream->set->scaling;
    if (scaling->kind != SCALE_STANDARD)
        return;
    stream->squares = g_new(float, stream->features);
    stream->folded = g_new(double, stream->features);
    stream->row_folded = g_new(double, stream->n);
    for (gsize j = 0; j < stream->features; j++) {
        double a = scaling->inverse[j], mean = scaling->mean[j];
        stream->squares[j] = (float)(a * a);
        stream->folded[j] = stream->squares[j] * mean;
        stream->folded_mean += stream->folded[j] * mean;
    }
}

enum { ROWS_PER_TASK = 64 };

static void measure_rows(guint task, guint worker, gpointer data)
{
    Stream *stream = data;
    const TrainingSet *set = stream->set;
    g_auto(StreamRow) row = stream_row_new(stream);
    double bias = MAX(set->bias, 0);
    for (guint i = task * ROWS_PER_TASK; i < MIN(stream->n, (task + 1) * ROWS_PER_TASK) && !interrupted();
         i++) {
        double f = set->factors[i], square = 0, folded = 0;
        stream_row_read(stream, i, &row);
        for (guint t = 0; t < row.count; t++) {
            square += (double)row.value[t] * row.scaled[t];
            folded += stream->folded ? stream->folded[row.index[t]] * row.value[t] : 0;
        }
        if (stream->row_folded)
            stream->row_folded[i] = folded;
        stream->row_squares[i] = f * f * square - 2 * f * folded + stream->folded_mean + bias * bias;
    }
}

/* Rows that stay in memory while they are visited: all of them, or blocks of half of what is there (Yu, Hsieh, Chang &
 * Lin 2010, "Large linear classification when data cannot fit in memory"). */
static guint rows_that_fit(const Stream *stream)
{
    gsize row = stream->set->rows.bytes, available = memory_available();
    return available / row > stream->n ? stream->n : (guint)CLAMP(available / 2 / row, 1, stream->n);
}

Stream *stream_new(const TrainingSet *set, ThreadPool *thread_pool, GError **error)
{
    g_autoptr(Stream) stream = g_new0(Stream, 1);
    *stream = (Stream){.set = set, .features = set->features, .n = set->n};
    stream->row_squares = g_new(double, stream->n);
    stream->block = rows_that_fit(stream);
    fold_scaling(stream);
    thread_pool_run(thread_pool, (stream->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK, measure_rows, stream);
    if (interrupted()) {
        error_set(error, "interrupted");
        return NULL;
    }
    double largest = 0, bias = MAX(set->bias, 0);
    for (guint i = 0; i < stream->n; i++)
        largest = MAX(largest, stream->row_squares[i] - bias * bias);
    if (!(largest > 0)) {
        error_set(error, "all features are zero after scaling: there is nothing to learn");
        return NULL;
    }
    return g_steal_pointer(&stream);
}

void stream_free(Stream *stream)
{
    if (!stream)
        return;
    g_free(stream->squares);
    g_free(stream->folded);
    g_free(stream->row_folded);
    g_free(stream->row_squares);
    g_free(stream);
}

/* ---- Weights ---- */

StreamWeights *stream_weights_new(const Stream *stream)
{
    StreamWeights *weights = g_new0(StreamWeights, 1);
    weights->matrix = (double *)floats_new(stream->features * ROW_COLUMNS * (sizeof(double) / sizeof(float)));
    return weights;
}

void stream_weights_free(StreamWeights *weights)
{
    if (!weights)
        return;
    floats_free((float *)weights->matrix);
    g_free(weights);
}

void stream_decide(const Stream *stream, const StreamWeights *weights, guint i, const StreamRow *row,
                   double *values)
{
    double f = stream->set->factors[i], bias = MAX(stream->set->bias, 0);
    double folded = stream->row_folded ? stream->row_folded[i] : 0;
    kernels_current()->row->dot(weights->matrix, row->index, row->value, row->count, values);
    for (guint k = 0; k < ROW_COLUMNS; k++)
        values[k] = f * (values[k] - weights->shift[k] * folded) -
                    (weights->mean[k] - weights->shift[k] * stream->folded_mean) + bias * weights->bias[k];
}

void stream_add(const Stream *stream, StreamWeights *weights, guint i, const StreamRow *row,
                const double *step)
{
    double f = stream->set->factors[i], bias = MAX(stream->set->bias, 0), scaled[ROW_COLUMNS];
    double folded = stream->row_folded ? stream->row_folded[i] : 0;
    for (guint k = 0; k < ROW_COLUMNS; k++) {
        scaled[k] = f * step[k];
        weights->bias[k] += bias * step[k];
        if (stream->folded) {
            weights->shift[k] += step[k];
            weights->mean[k] += scaled[k] * folded;
        }
    }
    kernels_current()->row->add(weights->matrix, row->index, row->scaled, row->count, scaled);
}

double stream_unfold(const Stream *stream, const StreamWeights *weights, guint column, float *out,
                     gsize stride)
{
    const Scaling *scaling = stream->set->scaling;
    for (gsize j = 0; j < stream->features; j++) {
        double v = weights->matrix[j * ROW_COLUMNS + column];
        if (stream->folded)
            v = (v - weights->shift[column] * stream->folded[j]) / scaling->inverse[j];
        out[j * stride] = (float)v;
    }
    return MAX(stream->set->bias, 0) * weights->bias[column];
}
