/* precision: of the factors in a convolution's products.
 *
 * bfloat16 is a float32 without the lower 16 bits of its fraction: the same range, 8 significant bits. It is rounded
 * to nearest, ties to even, so that the relative error is at most 2^-8; a float32 beyond the largest bfloat16 becomes
 * infinite, denormals stay denormals, and NaN stays NaN (except the one with all bits set, which arithmetic never
 * gives).
 *
 * PRECISION_BFLOAT16: the inputs and the kernel of a convolution are rounded to bfloat16. Products of two such
 * numbers are exact in float32; sums, bias, ReLU and pooling are computed in float32, with its errors. Any algorithm
 * of that accuracy would do; here it is that of float32, applied to the rounded numbers.
 *
 * Instruction sets differ in the last bits of the sums. Where these decide to which of two neighbours a sum is
 * rounded for the next convolution, the difference becomes 2^-8: an error e turns into about sqrt(e 2^-8) in the next
 * layer. After VGG16's thirteen convolutions two instruction sets differ by 0.5 %, nearly as much as either differs
 * from float32 (0.7 %). On one instruction set results are the same to the bit.
 *
 * Why AVX512_BF16's VDPBF16PS is not used: it doubles the rate of products (113 and 225 GFLOP/s on a Zen 4 core), but
 * Winograd's F(7x7) saves four fifths of them. With VDPBF16PS on rounded transforms, F(2x2) took 0.99 to 1.09 times
 * float32's processor time, depending on the layer, and F(4x4) 0.69 to 0.96 times with an error of 1.0 to 1.1 % over
 * the whole base. The method used here takes 1.01 times. */
#pragma once
#include <glib.h>
#include <string.h>

typedef enum { PRECISION_FLOAT32, PRECISION_BFLOAT16 } Precision;
#define PRECISION_CHOICES "float32|bfloat16"

/* A row of an option table (common/cli/cli.h). */
/* clang-format off */
#define PRECISION_OPTION(target, modes) \
    {CLI_ONE_OF, "precision", 0, target, PRECISION_CHOICES, \
     "of the base's products; bfloat16 rounds inputs and kernels of its convolutions to 8 significant bits, which changes " \
     "features by about 1 %; not faster in this version, which has no code for AMX; refused together with float32", \
     0, 0, modes}
/* clang-format on */

const char *precision_name(Precision precision);
gboolean precision_parse(const char *name, Precision *precision); /* FALSE: not one of the choices */

/* The nearest bfloat16; simd/vector.h has the same for vectors. */
static inline float bfloat16_nearest(float x)
{
    guint32 bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof bits);
    return x;
}
