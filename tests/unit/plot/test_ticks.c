/* Ticks against lists worked out by hand. */
#include "common/plot/ticks.h"

#include <math.h>

static void check_ticks(double from, double to, gboolean log, gboolean whole, guint max,
                        const double *expected, guint n)
{
    double ticks[16];
    g_assert_cmpuint(ticks_choose(from, to, log, whole, ticks, max), ==, n);
    for (guint i = 0; i < n; i++)
        g_assert_cmpfloat_with_epsilon(ticks[i], expected[i], 1e-9 * fabs(expected[i]) + 1e-15);
}

static void test_ticks(void)
{
    check_ticks(0, 1, FALSE, FALSE, 6, (double[]){0, .2, .4, .6, .8, 1}, 6);
    check_ticks(0.31, 2.3, FALSE, FALSE, 6, (double[]){.5, 1, 1.5, 2}, 4);
    check_ticks(1, 50, FALSE, TRUE, 6, (double[]){10, 20, 30, 40, 50}, 5);
    check_ticks(1, 3, FALSE, TRUE, 9, (double[]){1, 2, 3}, 3);
    check_ticks(-0.1, 0.1, FALSE, FALSE, 5, (double[]){-.1, -.05, 0, .05, .1}, 5);
    check_ticks(1e-3, 1, TRUE, FALSE, 6, (double[]){1e-3, 1e-2, 1e-1, 1}, 4);
    check_ticks(0.02, 5, TRUE, FALSE, 16, (double[]){.02, .05, .1, .2, .5, 1, 2, 5}, 8);
    double ticks[16];
    for (int e = -20; e < 20; e++) { /* no more than there is room for */
        guint n = ticks_choose(pow(10, -e), pow(10, -e) * 1e15, TRUE, FALSE, ticks, 5);
        g_assert_true(n >= 2 && n <= 5);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ticks/are nice numbers, and no more than there is room for", test_ticks);
    return g_test_run();
}
