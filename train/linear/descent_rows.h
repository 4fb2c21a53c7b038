/* descent_rows: the rows that solvers visit: those of a cache in place, or those of its Gram factor.
 *
 * A cache's rows stay mapped; nothing is copied, zeros are skipped, and scaling is folded into the weights. A row x is
 * scaled to x~ = f a∘x - b (a: the scaling's factors; b: mean times factor; f: the row's factor, of `max`, `l2` and
 * `sqrt`, whose x is the root of what the cache has). With
 * v = a∘w and q = a∘b,
 *
 *     w·x~ = f v·x - w·b        w += d x~  is  v += d f a∘a∘x - d q
 *
 * A row's averages (training_set.h) are computed as it is read; their a is 1, and b what the averages of b are.
 *
 * The multiple of q is kept as one number, so that a step touches only the row's non-zeros. ROW_COLUMNS problems share
 * one pass over these rows. Memory: per problem 8 bytes per feature and per row, in addition to the mapped pages.
 *
 * A Gram factor's rows are short and dense, and products with them are left to BLAS: one problem has a pass of its own. */
#pragma once
#include "common/arithmetic/kernels.h"
#include "common/core/floats.h"
#include "common/core/thread_pool.h"
#include "train/linear/gram_factor.h"

typedef struct {
    const TrainingSet *set; /* borrowed */
    gboolean reduced;       /* to the rows of the Gram factor: */
    GramFactor factor;
    gsize width;            /* D + C; N if reduced */
    guint n;                /* N */
    guint columns;          /* problems that share a pass: ROW_COLUMNS, or 1 */
    gsize nonzeros;         /* of the rows and the bias feature, at most */
    guint block;            /* rows visited before the next block is read: N, or what memory holds */
    double *squares;        /* (N) ||x~||² of each row, with the bias feature */
    float *feature_squares; /* (D + C) a∘a; NULL where a is 1 */
    double *folded;         /* (D + C) q; NULL where b is 0 */
    double folded_mean;     /* b·b = q·mean */
    double *row_folded;     /* (N) q·x of each row; NULL where b is 0 */
    Arena arena;            /* of all arrays */
} DescentRows;

/* Of so many rows of the set, with arrays from the arena, before they are read: all up to `nonzeros`. */
DescentRows descent_rows_outline(Arena *arena, const TrainingSet *set, gboolean reduced, guint n);

/* One pass over the rows. NULL and error if all features are zero, memory is short, or the user interrupted. */
DescentRows *descent_rows_new(const TrainingSet *set, gboolean reduced, ThreadPool *thread_pool,
                              GError **error);
void descent_rows_free(DescentRows *rows);
double descent_rows_mean_square(const DescentRows *rows);

/* The row that was read last, for one thread. */
typedef struct {
    guint i;
    guint count;     /* the rest, of a cache's rows: */
    guint32 *index;  /* (count) of its non-zeros */
    float *value;    /* (count) x */
    float *scaled;   /* (count) a∘a∘x; the same as value where a is 1 */
    float *features; /* (D) the row as it was read, if it is not stored as it is */
    double *sums;    /* (C) of its channels */
} DescentRow;
DescentRow descent_row_new(const DescentRows *rows, Arena *arena);
void descent_row_read(const DescentRows *rows, guint i, DescentRow *row);

/* The weights of rows->columns problems: w = (v - shift q) / a with v = `matrix`. */
typedef struct {
    double *matrix;            /* (width, columns) */
    double shift[ROW_COLUMNS]; /* multiples of q */
    double mean[ROW_COLUMNS];  /* v·mean, where b is not 0 */
    double bias[ROW_COLUMNS];  /* weights of the bias feature */
} DescentWeights;
DescentWeights descent_weights_new(const DescentRows *rows, Arena *arena);

/* values (columns) = w·x~ of the row. */
void descent_weights_decide(const DescentRows *rows, const DescentWeights *weights, const DescentRow *row,
                            double *values);

/* w += step x~, with a step for each column. */
void descent_weights_add(const DescentRows *rows, DescentWeights *weights, const DescentRow *row,
                         const double *step);

/* How many weights a solution has: N if reduced, else those of the scaled features and that of the bias feature. */
static inline guint descent_rows_weights(const DescentRows *rows)
{
    return (guint)rows->width + (rows->reduced ? 0 : 1);
}

/* One column's w, to out (descent_rows_weights). */
void descent_weights_unfold(const DescentRows *rows, const DescentWeights *weights, guint column,
                            double *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DescentRows, descent_rows_free)
