/* sparse_kernels: products with a sparse left factor, such as activations after a ReLU, part of each instruction
 * set's table (kernels.h). Bitmaps mark the non-zero elements (including NaN): bit p % 64 of a row's word p / 64
 * stands for its element p; bits beyond the row are 0. */
#pragma once
#include <glib.h>

enum {
    SPARSE_WORD = 64,  /* elements per word of a bitmap */
    SPARSE_DEPTH = 32, /* maximum number of rows for `across` */
    SPARSE_STRIPS = 2, /* maximum number of strips (dense_kernels.h) for `multiply` */
};

typedef struct {
    /* The bitmap, (n + 63) / 64 words, of the row x (n); returns the number of non-zeros. */
    gsize (*along)(const float *x, int n, guint64 *bitmap);

    /* The bitmaps of the n columns of x (depth, n) with leading dimension ld, 32 bits each; depth <= SPARSE_DEPTH.
     * Returns the number of non-zeros. */
    gsize (*across)(const float *x, gsize ld, int depth, int n, guint32 *bitmaps);

    /* c = a b, or c += a b with accumulate, for one row a whose element p is a[p * column]; only the elements in its
     * bitmap (depth bits) are read. b: packed strips (depth, STRIP), b_strip apart; c: strips (STRIP), c_strip apart.
     * The result has the same bits as DenseKernels.multiply, as 0 times a finite number adds nothing. */
    void (*multiply)(const guint64 *bitmap, int depth, const float *a, gsize column, int strips,
                     const float *b, gsize b_strip, float *c, gsize c_strip, gboolean accumulate);
} SparseKernels;
