/* sparse_kernels: products whose left factor has zeros, as activations behind a ReLU do, a part of each instruction
 * set's table (kernels.h). What is not zero (NaN is not) is marked in bitmaps: bit p % 64 of a row's word p / 64 stands
 * for its element p; bits beyond the row are 0. */
#pragma once
#include <glib.h>

enum {
    SPARSE_WORD = 64,  /* elements a word of a bitmap stands for */
    SPARSE_DEPTH = 32, /* the most rows that `across` looks down */
    SPARSE_STRIPS = 2, /* the most strips (dense_kernels.h) that `multiply` takes */
};

typedef struct {
    /* The bitmap, (n + 63) / 64 words, of the row x (n); returns how many of its elements are not zero. */
    gsize (*along)(const float *x, int n, guint64 *bitmap);

    /* The bitmaps of the n columns of x (depth, n) with leading dimension ld, half a word each; depth <= SPARSE_DEPTH.
     * Returns how many elements are not zero. */
    gsize (*across)(const float *x, gsize ld, int depth, int n, guint32 *bitmaps);

    /* c = a b, or c += a b where accumulate is set, for one row a whose element p lies at a[p * column]; only those in
     * its bitmap (depth bits) are looked at. b: packed strips (depth, STRIP), at a distance of b_strip; c: strips
     * (STRIP), at a distance of c_strip. The bits are those of DenseKernels.multiply, as 0 times a finite number adds
     * nothing. */
    void (*multiply)(const guint64 *bitmap, int depth, const float *a, gsize column, int strips,
                     const float *b, gsize b_strip, float *c, gsize c_strip, gboolean accumulate);
} SparseKernels;
