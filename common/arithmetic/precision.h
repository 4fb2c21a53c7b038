/* precision: what the products of a convolution are made of.
 *
 * bfloat16 is a float32 without the lower 16 bits of its fraction: the same range, 8 significant bits. Rounded to the
 * nearest, ties to even, so that the relative error is at most 2^-8; a float32 past the largest bfloat16 becomes infinite,
 * denormals stay denormals, and NaN stays NaN (but for the one of all ones, which no arithmetic gives).
 *
 * PRECISION_BFLOAT16: the inputs and the kernel of a convolution are rounded to bfloat16. The products of two such numbers
 * are exact in float32, and their sums, bias, ReLU and pooling are float32's, with float32's errors. The convolutions may
 * be computed by any algorithm that is as exact as that; instruction sets differ in the last bits of the sums. Where
 * a sum then lies next to the middle between two bfloat16, the next convolution may take one or the other. */
#pragma once
#include <glib.h>
#include <string.h>

typedef enum { PRECISION_FLOAT32, PRECISION_BFLOAT16 } Precision;
#define PRECISION_CHOICES "float32|bfloat16"

/* A row of an option table (common/cli/cli.h). */
/* clang-format off */
#define PRECISION_OPTION(target, modes) \
    {CLI_ONE_OF, "precision", 0, target, PRECISION_CHOICES, \
     "of the base's products; bfloat16 rounds inputs and kernels of its convolutions to 8 significant bits, which moves " \
     "features by about 0.7 %, is no faster in this version (it has no code for AMX), and goes with nothing made in float32", \
     0, 0, modes}
/* clang-format on */

const char *precision_name(Precision precision);
gboolean precision_parse(const char *name, Precision *precision); /* FALSE: not one of the choices */

/* The nearest bfloat16. simd/vector.h has it for vectors. */
static inline float bfloat16_nearest(float x)
{
    guint32 bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof bits);
    return x;
}
