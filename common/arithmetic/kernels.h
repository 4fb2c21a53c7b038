/* kernels: all inner loops that are compiled once per instruction set (common/arithmetic/simd/), one table per set, and
 * the only place that selects a table. */
#pragma once
#include "common/arithmetic/conv_kernels.h"
#include "common/arithmetic/dense_kernels.h"
#include "common/arithmetic/pooling.h"

/* ---- Affine maps ----
 * Interpolation of an affinely mapped image. */

typedef struct {
    /* Row y of an affine map of rgb (side, side, 3), side >= 2: for i = 0 … side-1 and x = first + i * step, pixel i of
     * out (side, 3), 0 … 255, is the image at row m[0] . (y, x, 1) and column m[1] . (y, x, 1), bilinear, edges
     * repeated: scipy.ndimage.affine_transform with order 1 and mode 'nearest'. Computed in double, rounded to float at
     * the end, without fused multiply-adds: all instruction sets give the same bits. */
    void (*row)(const guint8 *rgb, int side, const double (*m)[3], int y, int first, int step, float *out);
} AffineKernels;

/* ---- Packing ----
 * Sparse vectors as a bitmap and the non-zero elements, and conversion from and to half floats.
 *
 * Zero is the float whose bits are all 0: -0, denormals and NaN are kept to the bit. Bit i % 64 of word i / 64 of a
 * bitmap is set if element i is not zero; bits from n on are 0. Half floats are IEEE 754's binary16, rounded to
 * nearest, ties to even: for |x| < 65520 the relative error is at most 2^-11 where |x| >= 2^-14, and the absolute error
 * at most 2^-25 below; a larger |x| becomes infinite.
 *
 * AVX-512 has instructions for both directions, AVX2 permutes by a table of 256 rows, the baseline works element by
 * element. All give the same bits, except that the payload of a NaN converted to or from half is unspecified. */

enum {
    PACKING_WORD = 64,  /* elements per word of a bitmap */
    PACKING_SLACK = 16, /* elements that may be read or written beyond the packed ones; see below */
};

typedef struct {
    /* in (n) to bitmap ((n + 63) / 64) and packed; returns the number of non-zeros. packed must have room for them and
     * PACKING_SLACK more, which may be overwritten. */
    gsize (*compress)(const float *in, gsize n, guint64 *bitmap, float *packed);

    /* The inverse. packed: one element per bit set among the first n, and PACKING_SLACK more, which may be read but are
     * not used. */
    void (*expand)(const guint64 *bitmap, const float *packed, gsize n, float *out);

    void (*to_half)(const float *in, gsize n, guint16 *out);
    void (*from_half)(const guint16 *in, gsize n, float *out); /* exact */
} PackingKernels;

/* ---- Sparse rows ----
 * Products of a sparse row with several columns at once. The columns form a matrix (D, ROW_COLUMNS), so that for each
 * non-zero of the row the elements of all columns are in one cache line. */

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

/* ---- Sparse left factors ----
 * Products with a sparse left factor, such as activations after a ReLU. Bitmaps mark the non-zero elements (including
 * NaN): bit p % 64 of a row's word p / 64 stands for its element p; bits beyond the row are 0. */

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

/* ---- The table ---- */

typedef struct {
    const AffineKernels *affine;
    const ConvKernels *conv;
    const DenseKernels *dense;
    const PackingKernels *packing;
    const PoolingKernels *pooling;
    const RowKernels *row;
    const SparseKernels *sparse;
} Kernels;

/* The table of isa_current() (isa.h); static, never NULL. */
const Kernels *kernels_current(void);

/* Convolution without fused multiply-adds: all sets, machines and compilers give the same bits, as the lanes of a
 * vector are independent. */
const ConvKernels *kernels_unfused(void);
