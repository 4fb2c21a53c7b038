/* packing: vectors that are mostly zeros as a bitmap and the rest of them, and half floats.
 *
 * Zero is the float whose bits are all 0: -0, denormals and NaN are kept to the bit. Bit i % 64 of word i / 64 of a
 * bitmap tells whether element i is not zero; bits from n on are 0. Half floats are IEEE 754's binary16, rounded to the
 * nearest, ties to even: of |x| < 65520, the relative error is at most 2^-11 where |x| >= 2^-14, the absolute one at
 * most 2^-25 below that; a larger |x| becomes infinite.
 *
 * A part of each instruction set's table (kernels.h): AVX-512 has instructions for both directions, AVX2 permutes by a
 * table of 256 rows, the baseline goes element by element. All give the same bits (a NaN stays one, with what payload
 * is left open). */
#pragma once
#include <glib.h>

enum {
    PACKING_WORD = 64,  /* elements a word of a bitmap stands for */
    PACKING_SLACK = 16, /* elements that may be read or written beyond the packed ones, see below */
};

typedef struct {
    /* in (n) to bitmap ((n + 63) / 64) and packed; returns how many are not zero. packed has room for them and
     * PACKING_SLACK more, which are written to. */
    gsize (*compress)(const float *in, gsize n, guint64 *bitmap, float *packed);

    /* The inverse. packed: as many elements as bits are set among the first n, and PACKING_SLACK more that are read and
     * not used. */
    void (*expand)(const guint64 *bitmap, const float *packed, gsize n, float *out);

    void (*to_half)(const float *in, gsize n, guint16 *out);
    void (*from_half)(const guint16 *in, gsize n, float *out); /* exact */
} PackingKernels;
