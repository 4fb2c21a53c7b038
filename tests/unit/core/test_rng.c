/* Random numbers: streams, moments, bounds and shuffling. */
#include "common/core/rng.h"

#include <math.h>

/* Vigna's reference implementations (prng.di.unimi.it): xoshiro256++ from the state 1, 2, 3, 4, and splitmix64 from
 * 1234567 for the state. Stream and seed are such that the state is filled from 1234567: splitmix64(0) is the
 * constant. */
static void test_rng_reference(void)
{
    static const guint64 expected[] = {
        G_GUINT64_CONSTANT(41943041),
        G_GUINT64_CONSTANT(58720359),
        G_GUINT64_CONSTANT(3588806011781223),
        G_GUINT64_CONSTANT(3591011842654386),
        G_GUINT64_CONSTANT(9228616714210784205),
        G_GUINT64_CONSTANT(9973669472204895162),
        G_GUINT64_CONSTANT(14011001112246962877),
        G_GUINT64_CONSTANT(12406186145184390807),
        G_GUINT64_CONSTANT(15849039046786891736),
        G_GUINT64_CONSTANT(10450023813501588000),
    };
    static const guint64 state[] = {
        G_GUINT64_CONSTANT(6457827717110365317), G_GUINT64_CONSTANT(3203168211198807973),
        G_GUINT64_CONSTANT(9817491932198370423), G_GUINT64_CONSTANT(4593380528125082431)};
    Rng uniform = {.state = {1, 2, 3, 4}}, below = uniform;
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmpfloat(rng_uniform(&uniform), ==, (double)(expected[i] >> 11) / 9007199254740992.0);
        g_assert_cmpuint(rng_below(&below, 1u << 31), ==, expected[i] >> 32 & 0x7fffffff);
    }
    Rng seeded = rng_new(0, G_GUINT64_CONSTANT(0xe220a8397b1dcdaf) ^ 1234567);
    g_assert_cmpmem(seeded.state, sizeof seeded.state, state, sizeof state);
}

static void test_rng_streams_repeat_and_differ(void)
{
    Rng a = rng_new(42, 1), b = rng_new(42, 1), c = rng_new(42, 2), d = rng_new(43, 1);
    double first = rng_uniform(&a);
    g_assert_cmpfloat(first, ==, rng_uniform(&b));
    g_assert_cmpfloat(first, !=, rng_uniform(&c));
    g_assert_cmpfloat(first, !=, rng_uniform(&d));
}

static void test_rng_moments(void)
{
    enum { N = 200000 };
    Rng rng = rng_new(7, 0);
    double sum = 0, squares = 0, fourth = 0, uniform = 0;
    for (int i = 0; i < N; i++) {
        double z = rng_normal(&rng), u = rng_uniform(&rng);
        g_assert_true(u >= 0 && u < 1);
        sum += z, squares += z * z, fourth += z * z * z * z, uniform += u;
    }
    /* Five standard errors of each estimate. */
    g_assert_cmpfloat(fabs(sum / N), <, 5 / sqrt(N));
    g_assert_cmpfloat(fabs(squares / N - 1), <, 5 * sqrt(2.0 / N));
    g_assert_cmpfloat(fabs(fourth / N - 3), <, 5 * sqrt(96.0 / N));
    g_assert_cmpfloat(fabs(uniform / N - 0.5), <, 5 / sqrt(12.0 * N));
}

static void test_rng_below_is_even(void)
{
    enum { N = 70000, SIDES = 7 };
    Rng rng = rng_new(1, 1);
    int counts[SIDES] = {0};
    for (int i = 0; i < N; i++)
        counts[rng_below(&rng, SIDES)]++;
    double chi = 0, expected = (double)N / SIDES;
    for (int i = 0; i < SIDES; i++)
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    g_assert_cmpfloat(chi, <, 27.9); /* chi-squared, 6 degrees of freedom, p = 1e-4 */
    g_assert_cmpuint(rng_below(&rng, 1), ==, 0);
}

static void test_rng_shuffle_is_a_permutation(void)
{
    guint32 items[100], seen[100] = {0}, moved = 0;
    for (guint32 i = 0; i < 100; i++)
        items[i] = i;
    Rng rng = rng_new(3, 0);
    rng_shuffle(&rng, items, 100);
    for (guint32 i = 0; i < 100; i++) {
        seen[items[i]]++;
        moved += items[i] != i;
    }
    for (guint32 i = 0; i < 100; i++)
        g_assert_cmpuint(seen[i], ==, 1);
    g_assert_cmpuint(moved, >, 80);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rng/numbers are those of the reference implementations", test_rng_reference);
    g_test_add_func("/rng/streams repeat and differ", test_rng_streams_repeat_and_differ);
    g_test_add_func("/rng/moments are those of the distributions", test_rng_moments);
    g_test_add_func("/rng/below is even", test_rng_below_is_even);
    g_test_add_func("/rng/shuffle is a permutation", test_rng_shuffle_is_a_permutation);
    return g_test_run();
}
