/* row_kernels: products of a sparse row with several columns at once, part of each instruction set's table
 * (kernels.h). The columns form a matrix (D, ROW_COLUMNS), so that for each non-zero of the row the elements of all
 * columns are in one cache line. */
#pragma once
#include <glib.h>

enum {
    ROW_COLUMNS = 8, /* columns of a matrix; unused ones are zero */
    ROW_SLACK = 16,  /* elements beyond n that `nonzeros` may write to */
};

typedef struct {
    /* The non-zero elements of x (n), including NaN, in order: index and value (n + ROW_SLACK each). Returns their
     * number. */
    guint (*nonzeros)(const float *x, gsize n, guint32 *index, float *value);

    /* sum (ROW_COLUMNS) = the row times matrix (D, ROW_COLUMNS). */
    void (*dot)(const double *matrix, const guint32 *index, const float *value, guint count, double *sum);

    /* matrix += the outer product of the row and step (ROW_COLUMNS). */
    void (*add)(double *matrix, const guint32 *index, const float *value, guint count, const double *step);
} RowKernels;
