/* Scores of classes: the largest, and probabilities where naive formulas overflow. */
#include "common/network/scores.h"

#include <math.h>

static void test_argmax_takes_the_first_of_the_largest(void)
{
    const float scores[] = {-3, 2, 2, -INFINITY};
    g_assert_cmpint(scores_argmax(scores, 4), ==, 1);
    g_assert_cmpint(scores_argmax(scores + 2, 2), ==, 0);
    g_assert_cmpint(scores_argmax(scores + 3, 1), ==, 0);
}

/* NumPy: np.exp([1, 2, 4]) / np.exp([1, 2, 4]).sum(); a common shift changes nothing. */
static void test_softmax_does_not_overflow(void)
{
    const double expected[] = {0.04201006613406605, 0.11419519938459449, 0.8437947344813395},
                 shifts[] = {0, 1e4, -1e4};
    for (guint s = 0; s < G_N_ELEMENTS(shifts); s++) {
        double values[] = {1 + shifts[s], 2 + shifts[s], 4 + shifts[s]};
        scores_softmax(values, 3);
        for (int c = 0; c < 3; c++)
            g_assert_cmpfloat_with_epsilon(values[c], expected[c], 1e-12);
    }
}

/* NumPy: p = 1 / (1 + np.exp(-np.array([-1, 0, 3]))); p / p.sum(). */
static void test_logistic_values_sum_to_one(void)
{
    const double expected[] = {0.1562236377, 0.2904417567, 0.5533346056};
    double values[] = {-1, 0, 3}, hopeless[] = {-1e4, -2e4};
    scores_logistic(values, 3);
    scores_logistic(hopeless, 2);
    for (int c = 0; c < 3; c++)
        g_assert_cmpfloat_with_epsilon(values[c], expected[c], 1e-9);
    for (int c = 0; c < 2; c++)
        g_assert_cmpfloat(hopeless[c], ==, 0.5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scores/argmax takes the first of the largest",
                    test_argmax_takes_the_first_of_the_largest);
    g_test_add_func("/scores/softmax does not overflow", test_softmax_does_not_overflow);
    g_test_add_func("/scores/logistic values sum to one", test_logistic_values_sum_to_one);
    return g_test_run();
}
