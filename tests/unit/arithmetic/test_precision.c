/* Rounding to bfloat16 at its edges, and the names of precisions. */
#include "common/arithmetic/precision.h"

#include <math.h>

static guint32 bits_of(float x)
{
    guint32 bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float from_bits(guint32 bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void test_rounding(void)
{
    static const struct {
        guint32 from, to;
    } cases[] = {
        {0x3f800000, 0x3f800000}, /* 1 */
        {0x3f808000, 0x3f800000}, /* a tie: to the even one below */
        {0x3f808001, 0x3f810000}, /* past it */
        {0x3f817fff, 0x3f810000}, /* before a tie */
        {0x3f818000, 0x3f820000}, /* a tie: to the even one above */
        {0xbf818000, 0xbf820000}, /* by magnitude */
        {0x3fffffff, 0x40000000}, /* carries into the exponent */
        {0x00000000, 0x00000000}, /* 0 */
        {0x80000000, 0x80000000}, /* -0 */
        {0x00008001, 0x00010000}, /* denormals */
        {0x007fffff, 0x00800000}, {0x7f7f7fff, 0x7f7f0000},
        {0x7f7fffff, 0x7f800000}, /* the largest: infinite */
        {0xff800000, 0xff800000},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmphex(bits_of(bfloat16_nearest(from_bits(cases[i].from))), ==, cases[i].to);
    g_assert_true(isnan(bfloat16_nearest(NAN)));
    g_assert_true(isnan(bfloat16_nearest(-NAN)));
}

static void test_names(void)
{
    Precision precision;
    for (int i = PRECISION_FLOAT32; i <= PRECISION_BFLOAT16; i++) {
        g_assert_true(precision_parse(precision_name((Precision)i), &precision));
        g_assert_cmpint(precision, ==, i);
    }
    g_assert_false(precision_parse("half", &precision));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/precision/rounds to the nearest bfloat16, ties to even", test_rounding);
    g_test_add_func("/precision/names", test_names);
    return g_test_run();
}
