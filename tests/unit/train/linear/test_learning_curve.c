/* Learning curves on data whose curve is known: separable, pure noise, and one that grows. */
#include "tests/unit/train/linear/linear_fixture.h"
#include "train/linear/learning_curve.h"

#include <string.h>

enum { N = 240, D = 300, L = 3 };

static double weights[L] = {1, 1, 1};

/* signal: distance of the classes' means in units of the noise, spread over ten features. */
static LinearFixture set_up(double signal)
{
    LinearFixture fixture = linear_fixture_new(N, D, L, 2);
    Rng rng = rng_new(17, 0);
    for (int i = 0; i < N; i++) {
        int label = fixture.labels[i] = i % 6 == 0 ? 2 : i % 2;
        for (int j = 0; j < D; j++)
            fixture.values[i * D + j] = (float)(rng_normal(&rng) + (j < 30 && j % L == label ? signal : 0));
    }
    linear_fixture_set(&fixture, SCALE_NONE, 1);
    linear_fixture_rows(&fixture);
    linear_fixture_reduced(&fixture);
    return fixture;
}

static LinearTraining training_on(const LinearFixture *data, gboolean gram)
{
    LinearTraining training = linear_fixture_training(data, gram ? ON_DENSE : ON_ROWS, "svc-dual", weights);
    training.tolerance = 1e-6;
    return training;
}

static LearningCurve run(const LinearFixture *data, gboolean gram, guint64 seed)
{
    LearningCurve curve;
    GError *error = NULL;
    LinearTraining training = training_on(data, gram);
    g_assert_true(learning_curve_run(&training, 0.01, seed, &curve, &error));
    g_assert_no_error(error);
    return curve;
}

static void test_sizes(void)
{
    g_auto(LinearFixture) data = set_up(1);
    LearningCurve curve = run(&data, FALSE, 1);
    g_assert_cmpuint(curve.test, ==, N / 5);
    g_assert_cmpuint(curve.points[curve.n - 1].x, ==, N - N / 5);
    g_assert_cmpuint(curve.points[curve.n - 3].x, ==, (N - N / 5) / 2);
    g_assert_cmpuint(curve.points[0].x, >=, 2 * L);
    for (guint s = 0; s < curve.n; s++) {
        g_assert_true(s == 0 || curve.points[s].x > curve.points[s - 1].x);
        g_assert_cmpfloat(curve.points[s].low, <=, curve.points[s].y);
        g_assert_cmpfloat(curve.points[s].high, >=, curve.points[s].y);
    }
}

static void test_separable_data_leave_nothing_to_gain(void)
{
    g_auto(LinearFixture) data = set_up(6);
    LearningCurve curve = run(&data, FALSE, 1);
    g_assert_cmpfloat(curve.points[curve.n - 1].y, ==, 1);
    g_autofree char *sentence = learning_curve_sentence(&curve);
    g_assert_nonnull(strstr(sentence, "it is unclear"));
}

/* Sizes lie half a doubling apart: five, if there are as many, measure the gain. */
static void test_the_sentence_says_what_the_gain_was_measured_over(void)
{
    static const char *const measured[] = {"the last doubling.", "the last one and a half doublings.",
                                           "the last two doublings.", "the last two doublings."};
    for (guint n = 3; n <= 6; n++) {
        LearningCurve curve = {.n = n, .gain = {0, 0.05, 0.02, 0.08}};
        g_autofree char *sentence = learning_curve_sentence(&curve);
        g_assert_true(g_str_has_suffix(sentence, measured[n - 3]));
    }
}

/* Half the images are of class 1: no accuracy beyond that is possible. */
static void test_noise_stays_near_chance(void)
{
    g_auto(LinearFixture) data = set_up(0);
    LearningCurve curve = run(&data, FALSE, 1);
    g_assert_cmpfloat(curve.points[curve.n - 1].y, <, 0.55);
    g_assert_cmpfloat(curve.gain.low, <=, 0.05);
}

static void test_growing_data_promise_a_gain(void)
{
    g_auto(LinearFixture) data = set_up(0.6);
    LearningCurve curve = run(&data, FALSE, 1);
    g_assert_true(curve.n >= 3 && curve.gain.y > 0.02);
    g_assert_cmpfloat(curve.points[curve.n - 1].y, >, curve.points[0].y + 0.1);
    /* The predicted gain of one more doubling is near that of the last doubling. */
    double last = curve.points[curve.n - 1].y - curve.points[curve.n - 3].y;
    g_assert_cmpfloat_with_epsilon(curve.gain.y, last, 0.05);
}

static void test_gram_factor_and_rows_give_one_curve(void)
{
    g_auto(LinearFixture) data = set_up(1);
    LearningCurve rows = run(&data, FALSE, 5), gram = run(&data, TRUE, 5), other = run(&data, TRUE, 6);
    g_assert_cmpuint(rows.n, ==, gram.n);
    gboolean differs = FALSE;
    for (guint s = 0; s < rows.n; s++) {
        g_assert_cmpfloat_with_epsilon(rows.points[s].y, gram.points[s].y, 1e-9);
        differs |= gram.points[s].y != other.points[s].y;
    }
    g_assert_true(differs); /* the seed decides the draws */
}

static void test_too_few_images_are_refused(void)
{
    g_auto(LinearFixture) data = set_up(1);
    LearningCurve curve;
    g_autoptr(GError) error = NULL;
    LinearTraining training = training_on(&data, FALSE);
    training.n = 13; /* three of class 2 */
    g_assert_true(learning_curve_run(&training, 0.01, 1, &curve, &error));
    training.n = 12;
    g_assert_false(learning_curve_run(&training, 0.01, 1, &curve, &error));
    g_assert_nonnull(strstr(error->message, "3 of each class; there are 12, and 2 of"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/learning curve/sizes are half doublings up to all images but the test's", test_sizes);
    g_test_add_func("/learning curve/separable data leave nothing to gain",
                    test_separable_data_leave_nothing_to_gain);
    g_test_add_func("/learning curve/noise stays near chance", test_noise_stays_near_chance);
    g_test_add_func("/learning curve/the predicted gain is near that of the last doubling",
                    test_growing_data_promise_a_gain);
    g_test_add_func("/learning curve/a Gram factor and plain rows give one curve, the seed another",
                    test_gram_factor_and_rows_give_one_curve);
    g_test_add_func("/learning curve/too few images are refused", test_too_few_images_are_refused);
    g_test_add_func("/learning curve/the sentence says what the gain was measured over",
                    test_the_sentence_says_what_the_gain_was_measured_over);
    return g_test_run();
}
