/* Metrics against scikit-learn, SciPy and NumPy on the same predictions: tests/golden/make_metrics.py. */
#include "common/core/rng.h"
#include "common/model/calibration.h"
#include "common/network/scores.h"
#include "evaluate/metrics/metrics.h"
#include "evaluate/report/report_text.h"
#include <jansson.h>
#include <math.h>

static json_t *golden;

typedef struct {
    const json_t *expected;
    guint n, classes;
    int *labels, *predicted, *second; /* (n) */
    float *probabilities, *logits;    /* (n, L) */
    guint *matrix;                    /* (L, L) by the function under test */
} Case;

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static double element(const json_t *array, gsize i)
{
    return json_number_value(json_array_get(array, i));
}

static int *integers(const json_t *array)
{
    int *out = g_new(int, json_array_size(array) + 1);
    for (gsize i = 0; i < json_array_size(array); i++)
        out[i] = (int)json_integer_value(json_array_get(array, i));
    return out;
}

static float *floats(const json_t *array)
{
    float *out = g_new(float, json_array_size(array) + 1);
    for (gsize i = 0; i < json_array_size(array); i++)
        out[i] = (float)element(array, i);
    return out;
}

static Case case_new(gsize index)
{
    const json_t *expected = json_array_get(json_object_get(golden, "cases"), index);
    Case c = {.expected = expected, .classes = (guint)number(expected, "classes")};
    c.n = (guint)json_array_size(json_object_get(expected, "labels"));
    c.labels = integers(json_object_get(expected, "labels"));
    c.second = integers(json_object_get(expected, "second"));
    c.probabilities = floats(json_object_get(expected, "probabilities"));
    c.logits = floats(json_object_get(expected, "logits"));
    c.predicted = g_new(int, c.n);
    for (guint i = 0; i < c.n; i++)
        c.predicted[i] = scores_argmax(c.probabilities + i * c.classes, c.classes);
    c.matrix = g_new(guint, c.classes * c.classes);
    metrics_confusion(c.labels, c.predicted, c.n, c.classes, c.matrix);
    return c;
}

static void case_free(Case *c)
{
    g_free(c->labels);
    g_free(c->second);
    g_free(c->probabilities);
    g_free(c->logits);
    g_free(c->predicted);
    g_free(c->matrix);
}

static void for_each_case(void (*check)(const Case *))
{
    gsize cases = json_array_size(json_object_get(golden, "cases"));
    g_assert_cmpuint(cases, >=, 5);
    for (gsize i = 0; i < cases; i++) {
        Case c = case_new(i);
        check(&c);
        case_free(&c);
    }
}

#define assert_near(a, b, tolerance) g_assert_cmpfloat_with_epsilon(a, b, tolerance)
static const double last_digit = 1e-14;

static void check_confusion(const Case *c)
{
    const json_t *expected = json_object_get(c->expected, "confusion_matrix");
    for (gsize i = 0; i < c->classes * c->classes; i++)
        g_assert_cmpuint(c->matrix[i], ==, (guint)element(expected, i));
    assert_near(metrics_accuracy(c->matrix, c->classes), number(c->expected, "accuracy"), last_digit);
}

static void check_metrics(ClassMetrics f, const json_t *expected)
{
    assert_near(f.precision, element(expected, 0), last_digit);
    assert_near(f.recall, element(expected, 1), last_digit);
    assert_near(f.f1, element(expected, 2), last_digit);
}

static void check_per_class(const Case *c)
{
    const json_t *expected = json_object_get(c->expected, "per_class");
    ClassMetrics macro, weighted;
    g_autofree ClassMetrics *metrics = g_new(ClassMetrics, c->classes);
    metrics_per_class(c->matrix, c->classes, metrics, &macro, &weighted);
    for (guint k = 0; k < c->classes; k++) {
        assert_near(metrics[k].precision, element(json_array_get(expected, 0), k), last_digit);
        assert_near(metrics[k].recall, element(json_array_get(expected, 1), k), last_digit);
        assert_near(metrics[k].f1, element(json_array_get(expected, 2), k), last_digit);
        g_assert_cmpuint(metrics[k].support, ==, (guint)element(json_array_get(expected, 3), k));
    }
    check_metrics(macro, json_object_get(c->expected, "macro"));
    check_metrics(weighted, json_object_get(c->expected, "weighted"));
    g_assert_cmpuint(macro.support, ==, c->n);
}

static void check_probabilities(const Case *c)
{
    enum { BINS = 15 };
    ReliabilityBin bins[BINS];
    assert_near(metrics_log_loss(c->probabilities, c->labels, c->n, c->classes),
                number(c->expected, "log_loss"), 1e-7);
    metrics_reliability(c->probabilities, c->labels, c->n, c->classes, bins, BINS);
    assert_near(metrics_calibration_error(bins, BINS), number(c->expected, "calibration_error"), 1e-7);
    for (guint k = 1; k <= 3; k++) {
        char key[] = {(char)('0' + k), 0};
        assert_near(metrics_top_k(c->probabilities, c->labels, c->n, c->classes, k),
                    number(json_object_get(c->expected, "top"), key), last_digit);
    }
}

static void check_report(const Case *c)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (guint k = 0; k < c->classes; k++)
        g_ptr_array_add(names, g_strdup_printf("class %u", k));
    g_autoptr(GString) text = g_string_new(NULL);
    text_report(text, (const char *const *)names->pdata, c->matrix, c->classes, 2);
    g_assert_cmpstr(text->str, ==, json_string_value(json_object_get(c->expected, "report")));
}

static void check_mcnemar(const Case *c)
{
    const json_t *expected = json_object_get(c->expected, "mcnemar");
    McNemar test = metrics_mcnemar(c->labels, c->predicted, c->second, NULL, c->n);
    g_assert_cmpuint(test.first_only, ==, (guint)element(expected, 0));
    g_assert_cmpuint(test.second_only, ==, (guint)element(expected, 1));
    assert_near(test.p, element(expected, 2), 1e-10);
}

static void check_temperature(const Case *c)
{
    double expected = number(c->expected, "temperature");
    double fitted = calibration_fit(c->logits, FALSE, c->labels, c->n, c->classes);
    assert_near(fitted / expected, 1, 1e-5);

    /* Their softmax, passed as probabilities, must give the same up to rounding, as z differs by a constant per row. */
    g_autofree float *softmax = g_new(float, c->n * c->classes);
    calibration_apply(c->logits, FALSE, 1, c->n, c->classes, softmax);
    assert_near(calibration_fit(softmax, TRUE, c->labels, c->n, c->classes) / expected, 1, 1e-4);

    /* At the minimum, higher and lower temperatures have more loss; because of the targets' 1/(n + 2), 2 % away. */
    double loss[3], factor[] = {0.8, 1, 1.25};
    for (int i = 0; i < 3; i++) {
        calibration_apply(c->logits, FALSE, fitted * factor[i], c->n, c->classes, softmax);
        loss[i] = metrics_log_loss(softmax, c->labels, c->n, c->classes);
        for (guint row = 0; row < c->n; row++)
            g_assert_cmpint(scores_argmax(softmax + row * c->classes, c->classes), ==,
                            scores_argmax(c->logits + row * c->classes, c->classes));
    }
    if (c->classes == 10) {
        g_assert_cmpfloat(loss[1], <, loss[0]);
        g_assert_cmpfloat(loss[1], <, loss[2]);
    }
}

static void test_confusion(void)
{
    for_each_case(check_confusion);
}

static void test_per_class(void)
{
    for_each_case(check_per_class);
}

static void test_probabilities(void)
{
    for_each_case(check_probabilities);
}

static void test_report(void)
{
    for_each_case(check_report);
}

static void test_mcnemar(void)
{
    for_each_case(check_mcnemar);
    const json_t *cases = json_object_get(golden, "mcnemar");
    g_assert_cmpuint(json_array_size(cases), >, 0);
    for (gsize i = 0; i < json_array_size(cases); i++) {
        const json_t *expected = json_array_get(cases, i);
        guint b = (guint)element(expected, 0), c = (guint)element(expected, 1), n = b + c;
        g_autofree int *labels = g_new0(int, n), *first = g_new0(int, n), *second = g_new0(int, n);
        for (guint k = 0; k < n; k++)
            *(k < b ? &second[k] : &first[k]) = 1; /* wrong: all labels are 0 */
        g_autofree guint *alone = g_new(guint, n + 1);
        for (guint k = 0; k < n; k++)
            alone[k] = k;
        McNemar test = metrics_mcnemar(labels, first, second, NULL, n);
        assert_near(metrics_mcnemar(labels, first, second, alone, n).p, test.p, 1e-9);
        g_assert_cmpuint(test.first_only, ==, b);
        g_assert_cmpuint(test.second_only, ==, c);
        assert_near(test.p, element(expected, 2), 1e-9);
    }
    int label = 0;
    g_assert_cmpfloat(metrics_mcnemar(&label, &label, &label, NULL, 1).p, ==, 1);
}

/* Sums of exact fractions (Python's fractions); the second is scipy.stats.binomtest's too. */
static void test_beats_guessing(void)
{
    g_assert_cmpfloat_with_epsilon(metrics_beats_guessing(9, 39, 0.25), 0.6687335280946596, 1e-12);
    g_assert_cmpfloat_with_epsilon(metrics_beats_guessing(23, 39, 21.0 / 39), 0.31640866585161814, 1e-12);
    g_assert_cmpfloat_with_epsilon(metrics_beats_guessing(300, 500, 0.5), 4.470033271126634e-06, 1e-15);
    g_assert_cmpfloat_with_epsilon(metrics_beats_guessing(10, 10, 1 / 3.0), 1.6935087808430286e-05, 1e-15);
    g_assert_cmpfloat_with_epsilon(metrics_beats_guessing(2500, 25000, 0.1), 0.5030838172876452, 1e-9);
    g_assert_cmpfloat(metrics_beats_guessing(0, 10, 0.3), ==, 1);
    g_assert_cmpfloat(metrics_beats_guessing(10, 10, 1), ==, 1); /* one class: guessing is always right */
}

/* From Agresti & Min's formula: 9 and 3 of 39 images. */
static void test_paired_difference(void)
{
    Interval interval = metrics_paired_difference((McNemar){9, 3, 0}, 39);
    g_assert_cmpfloat_with_epsilon(interval.low, -0.020095774652687498, 1e-12);
    g_assert_cmpfloat_with_epsilon(interval.high, 0.31277870148195575, 1e-12);
    interval = metrics_paired_difference((McNemar){2, 0, 0}, 2);
    g_assert_cmpfloat(interval.low, >=, -1);
    g_assert_cmpfloat(interval.high, <=, 1);
}

/* Against all 2^GROUPS signs. */
static void test_signs_of_groups(void)
{
    enum { GROUPS = 9, N = 60, CASES = 20 };
    for (guint salt = 0; salt < CASES; salt++) {
        Rng rng = rng_new(salt, 0);
        int labels[N] = {0}, first[N], second[N], ahead[GROUPS] = {0}, sum = 0;
        guint units[N], unit[GROUPS], least = 0;
        for (guint g = 0; g < GROUPS; g++)
            unit[g] = 6 * g + rng_below(&rng, 6);
        for (guint i = 0; i < N; i++) {
            guint g = rng_below(&rng, GROUPS);
            units[i] = unit[g];
            first[i] = rng_below(&rng, 3) == 0;
            second[i] = rng_below(&rng, 2) == 0;
            ahead[g] += second[i] - first[i];
            sum += second[i] - first[i];
        }
        for (guint signs = 0; signs < 1 << GROUPS; signs++) {
            int other = 0;
            for (guint g = 0; g < GROUPS; g++)
                other += signs >> g & 1 ? ahead[g] : -ahead[g];
            least += ABS(other) >= ABS(sum);
        }
        McNemar test = metrics_mcnemar(labels, first, second, units, N);
        g_assert_cmpint((int)test.first_only - (int)test.second_only, ==, sum);
        assert_near(test.p, least / (double)(1 << GROUPS), 1e-12);
    }
}

/* Images that are alone have Wilson's interval, nearly; groups of images that are all alike that of one image each. */
static void test_intervals_of_groups(void)
{
    enum { N = 400, EACH = 5, ALL = N * EACH };
    g_autofree int *values = g_new(int, ALL), *ahead = g_new(int, ALL);
    g_autofree guint *units = g_new(guint, ALL);
    g_autofree guint8 *left_out = g_new(guint8, ALL);
    for (guint i = 0; i < ALL; i++) {
        values[i] = i % N < 240;
        ahead[i] = i % N < 60 ? 1 : i % N < 80 ? -1 : 0;
        units[i] = i % N;
    }
    Interval wilson = interval_wilson(240, N), paired = metrics_paired_difference((McNemar){60, 20, 0}, N);
    for (guint n = N; n <= ALL; n += ALL - N) {
        Interval share = interval_share(values, NULL, units, n);
        Interval difference = metrics_grouped_difference(ahead, units, n);
        assert_near(share.low, wilson.low, 0.01);
        assert_near(share.high, wilson.high, 0.01);
        assert_near(difference.low, paired.low, 0.01);
        assert_near(difference.high, paired.high, 0.01);
    }
    for (guint i = 0; i < ALL; i++)
        left_out[i] = i % N >= 240 || i % EACH == 0;
    Interval certain = interval_share(values, left_out, units, ALL), few = interval_wilson(192, 192);
    assert_near(certain.low, few.low, 1e-12);
    for (guint i = 0; i < ALL; i++)
        ahead[i] = 0;
    Interval nothing = metrics_grouped_difference(ahead, units, ALL);
    assert_near(nothing.low, -nothing.high, 1e-12);
    g_assert_cmpfloat(nothing.high, >, 0);
}

static void test_wilson(void)
{
    const json_t *cases = json_object_get(golden, "wilson");
    g_assert_cmpuint(json_array_size(cases), >, 0);
    for (gsize i = 0; i < json_array_size(cases); i++) {
        const json_t *expected = json_array_get(cases, i);
        Interval interval = interval_wilson((guint)element(expected, 0), (guint)element(expected, 1));
        assert_near(interval.low, element(expected, 2), 1e-12);
        assert_near(interval.high, element(expected, 3), 1e-12);
    }
    Interval nothing = interval_wilson(0, 0);
    g_assert_cmpfloat(nothing.low, ==, 0);
    g_assert_cmpfloat(nothing.high, ==, 1);
}

static void test_temperature(void)
{
    for_each_case(check_temperature);
}

static void test_temperature_bounds(void)
{
    /* Two images, classified correctly by a wide margin: no certainty. */
    const float outputs[] = {5, -5, -5, 5};
    const int labels[] = {0, 1};
    double temperature = calibration_fit(outputs, FALSE, labels, 2, 2);
    float probabilities[4];
    calibration_apply(outputs, FALSE, temperature, 2, 2, probabilities);
    assert_near(probabilities[0], 0.75, 1e-6); /* 1 - 1/(2 + 2) */
    /* Everything wrong: the largest temperature. */
    const int wrong[] = {1, 0};
    assert_near(calibration_fit(outputs, FALSE, wrong, 2, 2), CALIBRATION_MAX, 1e-6 * CALIBRATION_MAX);
    const float zeros[4] = {0};
    double any = calibration_fit(zeros, FALSE, labels, 2, 2);
    g_assert_true(any >= CALIBRATION_MIN && any <= CALIBRATION_MAX * (1 + 1e-9));
}

static void test_pairs(void)
{
    const guint matrix[] = {8, 2, 0, 5, 4, 1, 2, 0, 8};
    g_autoptr(GArray) pairs = metrics_confused_pairs(matrix, 3);
    g_assert_cmpuint(pairs->len, ==, 4);
    const int expected[4][3] = {{1, 0, 5}, {0, 1, 2}, {2, 0, 2}, {1, 2, 1}};
    for (guint i = 0; i < 4; i++) {
        const ConfusedPair *pair = &g_array_index(pairs, ConfusedPair, i);
        g_assert_cmpint(pair->truth, ==, expected[i][0]);
        g_assert_cmpint(pair->predicted, ==, expected[i][1]);
        g_assert_cmpuint(pair->count, ==, (guint)expected[i][2]);
        assert_near(pair->share, expected[i][2] / 10.0, last_digit);
    }
}

static void test_matrix_text(void)
{
    const char *names[] = {"crème brûlée", "pho"};
    const guint matrix[] = {120, 3, 0, 7};
    g_autoptr(GString) text = g_string_new(NULL);
    text_confusion(text, names, matrix, 2);
    g_assert_cmpstr(text->str, ==,
                    "                  0    1\n"
                    "0 crème brûlée  120    3\n"
                    "1 pho             ·    7\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    json_error_t error;
    golden = json_load_file("tests/golden/metrics.json", JSON_REJECT_DUPLICATES, &error);
    if (!golden)
        g_error("tests/golden/metrics.json: %s", error.text);
    g_test_add_func("/metrics/confusion matrix and accuracy are scikit-learn's", test_confusion);
    g_test_add_func("/metrics/precision recall f1 and averages are scikit-learn's", test_per_class);
    g_test_add_func("/metrics/log loss top-k and calibration error agree with numpy", test_probabilities);
    g_test_add_func("/metrics/the text is classification_report's", test_report);
    g_test_add_func("/metrics/McNemar's exact test is scipy's", test_mcnemar);
    g_test_add_func("/metrics/the test of groups is that of all their signs", test_signs_of_groups);
    g_test_add_func("/metrics/intervals over groups are those of as many images", test_intervals_of_groups);
    g_test_add_func("/metrics/Wilson's interval is scipy's", test_wilson);
    g_test_add_func("/metrics/whether guessing would be right as often, as exact fractions say",
                    test_beats_guessing);
    g_test_add_func("/metrics/the interval of a paired difference", test_paired_difference);
    g_test_add_func("/metrics/the temperature is the minimum scipy finds", test_temperature);
    g_test_add_func("/metrics/temperatures stay within bounds and claim no certainty",
                    test_temperature_bounds);
    g_test_add_func("/metrics/confused pairs come by frequency", test_pairs);
    g_test_add_func("/metrics/a confusion matrix in text lines up", test_matrix_text);
    int status = g_test_run();
    json_decref(golden);
    return status;
}
