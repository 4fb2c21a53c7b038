/* row_kernels: products of a row that is mostly zeros with several columns at once, a part of each instruction set's
 * table (kernels.h). A matrix of columns is (D, ROW_COLUMNS), so that each non-zero of a row meets its neighbours of
 * all columns in one cache line. */
#pragma once
#include <glib.h>

enum {
    ROW_COLUMNS = 8, /* columns of a matrix; unused ones are zero */
    ROW_SLACK = 16,  /* elements beyond n that `nonzeros` may write to */
};

typedef struct {
    /* The elements of x (n) that are not zero, NaN among them, in order: index and value (n + ROW_SLACK each).
     * Returns how many. */
    guint (*nonzeros)(const float *x, gsize n, guint32 *index, float *value);

    /* sum (ROW_COLUMNS) = the row times matrix (D, ROW_COLUMNS). */
    void (*dot)(const double *matrix, const guint32 *index, const float *value, guint count, double *sum);

    /* matrix += the outer product of the row and step (ROW_COLUMNS). */
    void (*add)(double *matrix, const guint32 *index, const float *value, guint count, const double *step);
} RowKernels;
