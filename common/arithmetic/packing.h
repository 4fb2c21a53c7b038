/* packing: sparse vectors as a bitmap and the non-zero elements, and conversion from and to half floats.
 *
 * Zero is the float whose bits are all 0: -0, denormals and NaN are kept to the bit. Bit i % 64 of word i / 64 of a
 * bitmap is set if element i is not zero; bits from n on are 0. Half floats are IEEE 754's binary16, rounded to
 * nearest, ties to even: for |x| < 65520 the relative error is at most 2^-11 where |x| >= 2^-14, and the absolute error
 * at most 2^-25 below; a larger |x| becomes infinite.
 *
 * Part of each instruction set's table (kernels.h): AVX-512 has instructions for both directions, AVX2 permutes by a
 * table of 256 rows, the baseline works element by element. All give the same bits, except that the payload of a NaN
 * converted to or from half is unspecified. */
#pragma once
#include <glib.h>

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
