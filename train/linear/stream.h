/* stream: linear heads trained on the rows of a cache in place, for data larger than memory.
 *
 * Used if a Gram matrix does not pay (more images than features, or no memory for it). Nothing is copied: the rows
 * stay mapped, zeros are skipped, and scaling is folded into the weights. A row x is scaled to x~ = f a∘x - b (a: the
 * scaling's factors; b: mean times factor; f: the row's factor, of `max` and `l2`). With v = a∘w and q = a∘b,
 *
 *     w·x~ = f v·x - w·b        w += d x~  is  v += d f a∘a∘x - d q
 *
 * The multiple of q is kept as one number, so that a step touches only the row's non-zeros. Up to ROW_COLUMNS
 * problems (classes, folds) share one pass over the rows.
 *
 * Memory: per problem 8 bytes per feature and per row, in addition to the mapped pages. */
#pragma once
#include "common/arithmetic/kernels.h"
#include "common/core/thread_pool.h"
#include "train/linear/liblinear.h"
#include "train/linear/training_set.h"

typedef struct {
    const TrainingSet *set; /* borrowed */
    gsize features;         /* D */
    guint n;                /* N */
    float *squares;         /* (D) a∘a; NULL where a is 1 */
    double *folded;         /* (D) q; NULL where b is 0 */
    double folded_mean;     /* b·b = q·mean */
    double *row_folded;     /* (N) q·x of each row; NULL where b is 0 */
    double *row_squares;    /* (N) ||x~||² of each row, with the bias feature */
    guint block;            /* rows visited before the next block is read: N, or what memory holds */
} Stream;

/* One pass over the rows. NULL and error if all features are zero or the user interrupted. */
Stream *stream_new(const TrainingSet *set, ThreadPool *thread_pool, GError **error);
void stream_free(Stream *stream);

/* A row's non-zeros, for one thread. */
typedef struct {
    guint32 *index;  /* (count) */
    float *value;    /* (count) x */
    float *scaled;   /* (count) a∘a∘x; the same as value where a is 1 */
    float *features; /* (D) the row as it was read, if it is not stored as it is */
    guint count;
} StreamRow;
StreamRow stream_row_new(const Stream *stream);
void stream_row_clear(StreamRow *row);
void stream_row_read(const Stream *stream, guint i, StreamRow *row);

/* One class against the rest, on the rows outside one fold. */
typedef struct {
    int class;
    int fold;                            /* rows of this fold are left out; -1: none */
    double positive_cost, negative_cost; /* of an error on either side */
} StreamProblem;

/* The weights of up to ROW_COLUMNS problems: w = (v - shift q) / a with v = `matrix`. */
typedef struct {
    double *matrix;            /* (D, ROW_COLUMNS), 64-byte aligned */
    double shift[ROW_COLUMNS]; /* multiples of q */
    double mean[ROW_COLUMNS];  /* v·mean, where b is not 0 */
    double bias[ROW_COLUMNS];  /* weights of the bias feature */
} StreamWeights;
StreamWeights *stream_weights_new(const Stream *stream);
void stream_weights_free(StreamWeights *weights);

/* values (ROW_COLUMNS) = w·x~ of row i, the last one read. */
void stream_decide(const Stream *stream, const StreamWeights *weights, guint i, const StreamRow *row,
                   double *values);

/* w += step x~, with a step for each column. */
void stream_add(const Stream *stream, StreamWeights *weights, guint i, const StreamRow *row,
                const double *step);

/* out (D) = w of one column, for scaled features; returns what is added to a decision value: the bias feature's weight
 * times B. */
double stream_unfold(const Stream *stream, const StreamWeights *weights, guint column, float *out,
                     gsize stride);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, stream_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StreamWeights, stream_weights_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StreamRow, stream_row_clear)
