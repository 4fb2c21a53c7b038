/* Bitmaps and half floats: every instruction set against the definitions, to the bit. */
#include "common/arithmetic/isa.h"
#include "common/arithmetic/kernels.h"
#include "common/core/rng.h"

#include <math.h>
#include <string.h>

enum { LONGEST = 300 };

static void for_each_isa(void (*check)(const PackingKernels *kernels))
{
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (isa_available((IsaSet)isa)) {
            isa_force((IsaSet)isa);
            check(kernels_current()->packing);
        }
}

/* Random bits, including NaN, -0 and denormals; a fraction of the numbers is zero. */
static void draw(Rng *rng, float *x, gsize n, guint zeros_in_8)
{
    for (gsize i = 0; i < n; i++) {
        guint32 bits = rng_below(rng, 8) < zeros_in_8 ? 0 : rng_below(rng, G_MAXUINT32);
        if (bits && rng_below(rng, 16) == 0)
            bits = 0x80000000; /* -0 */
        memcpy(x + i, &bits, sizeof bits);
    }
}

static void check_compression(const PackingKernels *kernels)
{
    Rng rng = rng_new(3, 0);
    for (gsize n = 1; n <= LONGEST; n++) {
        float in[LONGEST], out[LONGEST], packed[LONGEST + PACKING_SLACK];
        guint64 bitmap[(LONGEST + 63) / 64];
        draw(&rng, in, n, (guint)(n % 9));
        gsize count = kernels->compress(in, n, bitmap, packed), expected = 0;
        for (gsize i = 0; i < n; i++) {
            guint32 bits;
            memcpy(&bits, in + i, sizeof bits);
            g_assert_cmpuint(bitmap[i / 64] >> i % 64 & 1, ==, bits != 0);
            if (bits)
                g_assert_cmpmem(packed + expected++, sizeof *packed, &bits, sizeof bits);
        }
        g_assert_cmpuint(count, ==, expected);
        if (n % 64)
            g_assert_cmpuint(bitmap[n / 64] >> n % 64, ==, 0);
        kernels->expand(bitmap, packed, n, out);
        g_assert_cmpmem(out, n * sizeof *out, in, n * sizeof *in);
    }
}

static void vectors_are_compressed_and_expanded_to_the_bit(void)
{
    for_each_isa(check_compression);
}

/* IEEE 754: (-1)^s 2^(e-15) (1 + m/1024); for e = 0, (-1)^s 2^(1-15) m/1024. */
static double value_of_half(guint16 half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double size = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    if (exponent == 31)
        size = mantissa ? NAN : INFINITY;
    return half & 0x8000 ? -size : size;
}

static void check_all_halves(const PackingKernels *kernels)
{
    for (guint first = 0; first < 65536; first += 32) {
        guint16 halves[32], back[32];
        float values[32];
        for (guint i = 0; i < 32; i++)
            halves[i] = (guint16)(first + i);
        kernels->from_half(halves, 32, values);
        kernels->to_half(values, 32, back);
        for (guint i = 0; i < 32; i++) {
            double expected = value_of_half(halves[i]);
            if (isnan(expected))
                g_assert_true(isnan(values[i]) && isnan(value_of_half(back[i])));
            else
                g_assert_true(values[i] == expected && back[i] == halves[i]);
        }
    }
}

static void all_half_floats_are_read_exactly_and_written_back(void)
{
    for_each_isa(check_all_halves);
}

/* The nearest of all halves; of two equally near, the even one. */
static guint16 nearest_half(float x)
{
    guint16 low = 0, high = 0x7c00; /* by size; infinity stands for 2^16 */
    double size = fabs((double)x);
    while (high - low > 1) {
        guint16 middle = (guint16)((low + high) / 2);
        *(value_of_half(middle) <= size ? &low : &high) = middle;
    }
    double below = size - value_of_half(low), above = (high == 0x7c00 ? 65536 : value_of_half(high)) - size;
    guint16 nearest = below < above || (below == above && low % 2 == 0) ? low : high;
    return (guint16)(nearest | (signbit(x) ? 0x8000 : 0));
}

static void check_rounding(const PackingKernels *kernels)
{
    enum { MANY = 20011 };
    g_autofree float *x = g_new(float, MANY), *back = g_new(float, MANY);
    g_autofree guint16 *halves = g_new(guint16, MANY);
    Rng rng = rng_new(4, 0);
    for (gsize i = 0; i < MANY; i++) {
        x[i] = (float)ldexp(1 + rng_uniform(&rng), (int)rng_below(&rng, 48) - 30);
        if (i % 3 == 0) { /* halfway between two halves, and a float beside that */
            guint16 half = (guint16)rng_below(&rng, 0x7bff);
            x[i] = (float)((value_of_half(half) + value_of_half((guint16)(half + 1))) / 2);
            x[i] = i % 2 ? x[i] : nextafterf(x[i], i % 4 ? INFINITY : 0);
        }
        x[i] = i % 5 ? x[i] : -x[i];
    }
    kernels->to_half(x, MANY, halves);
    kernels->from_half(halves, MANY, back);
    for (gsize i = 0; i < MANY; i++) {
        double size = fabs((double)x[i]), error = fabs((double)back[i] - x[i]);
        if (size >= 65520)
            g_assert_true(isinf(back[i]));
        else
            g_assert_cmpfloat(error, <=, size >= 0x1p-14 ? size * 0x1p-11 : 0x1p-25);
        g_assert_cmpuint(halves[i], ==, nearest_half(x[i]));
    }
}

static void half_floats_are_the_nearest_and_within_the_bound(void)
{
    for_each_isa(check_rounding);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packing/vectors are compressed and expanded to the bit",
                    vectors_are_compressed_and_expanded_to_the_bit);
    g_test_add_func("/packing/all half floats are read exactly and written back",
                    all_half_floats_are_read_exactly_and_written_back);
    g_test_add_func("/packing/half floats are the nearest, and within the bound",
                    half_floats_are_the_nearest_and_within_the_bound);
    return g_test_run();
}
