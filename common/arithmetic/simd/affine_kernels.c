/* affine_kernels: see common/arithmetic/kernels.h. A vector holds the same channel of several pixels. */
#include "common/arithmetic/simd/tables.h"
#include "common/arithmetic/simd/vector.h"

#include <string.h>

enum { LANES = WIDTH / 2 }; /* doubles in a vector */

typedef double Doubles __attribute__((vector_size(LANES * sizeof(double))));
typedef gint64 Masks __attribute__((vector_size(LANES * sizeof(gint64))));
typedef int Ints __attribute__((vector_size(LANES * sizeof(int))));
typedef float Floats __attribute__((vector_size(LANES * sizeof(float))));

/* Positions between two of the pixels 0 … last: the lower pixel, the step to the upper one (0 at the border), and the
 * upper one's weight. */
typedef struct {
    Ints lower, step;
    Doubles weight;
} Between;

ALWAYS_INLINE Doubles where(Masks mask, Doubles then, Doubles otherwise)
{
    return (Doubles)(((Masks)then & mask) | ((Masks)otherwise & ~mask));
}

ALWAYS_INLINE Between between(Doubles place, int last)
{
    Doubles zero = {0}, end = zero + (double)last;
    place = where((Masks)(place < zero), zero, place);
    place = where((Masks)(place > end), end, place);
    Ints lower = __builtin_convertvector(place, Ints);
    return (Between){lower, (lower < last) & 1, place - __builtin_convertvector(lower, Doubles)};
}

/* The pixels at these offsets, in the lower three bytes. Four bytes are read at once, but none beyond the image, whose
 * last four bytes begin at `last`. */
ALWAYS_INLINE Ints pixels(const guint8 *rgb, Ints at, int last)
{
    Ints beyond = (at > last) & 1, read;
    at -= beyond;
    for (int lane = 0; lane < LANES; lane++) {
        int four;
        memcpy(&four, rgb + at[lane], sizeof four);
        read[lane] = four;
    }
    return read >> (beyond * 8);
}

ALWAYS_INLINE Doubles channel(Ints pixels, int c)
{
    return __builtin_convertvector(pixels >> (8 * c) & 255, Doubles);
}

static void row(const guint8 *rgb, int side, const double (*m)[3], int y, int first, int step, float *out)
{
    Doubles x;
    int bytes = side * 3, last = side * bytes - 4;
    for (int lane = 0; lane < LANES; lane++)
        x[lane] = first + lane * step;
    for (int i = 0; i < side; i += LANES, x += (double)(step * LANES)) {
        Between v = between(y * m[0][0] + x * m[0][1] + m[0][2], side - 1);
        Between h = between(y * m[1][0] + x * m[1][1] + m[1][2], side - 1);
        Ints at = v.lower * bytes + h.lower * 3, down = v.step * bytes, right = h.step * 3;
        Ints p00 = pixels(rgb, at, last), p01 = pixels(rgb, at + right, last);
        Ints p10 = pixels(rgb, at + down, last), p11 = pixels(rgb, at + down + right, last);
        Doubles w00 = (1 - v.weight) * (1 - h.weight), w01 = (1 - v.weight) * h.weight;
        Doubles w10 = v.weight * (1 - h.weight), w11 = v.weight * h.weight;
        Floats values[3];
        for (int c = 0; c < 3; c++)
            values[c] = __builtin_convertvector(channel(p00, c) * w00 + channel(p01, c) * w01 +
                                                    channel(p10, c) * w10 + channel(p11, c) * w11,
                                                Floats);
        for (int lane = 0; lane < MIN(LANES, side - i); lane++, out += 3)
            for (int c = 0; c < 3; c++)
                out[c] = values[c][lane];
    }
}

const AffineKernels ISA_SYMBOL(affine_kernels) = {row};
