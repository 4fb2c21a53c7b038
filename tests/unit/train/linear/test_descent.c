/* Linear heads by descent on the rows of a cache against liblinear on its own rows: the same optimum for every scaling, in blocks and by
 * folds, and the same bits for any number of threads. */
#include "common/arithmetic/isa.h"
#include "tests/unit/train/linear/linear_fixture.h"

#include <string.h>

enum { N = 150, D = 70, C = 10, L = 3 };

static double weights[L] = {1, 2, 0.5};

/* Three quarters of the numbers are zero; one feature always is, one never varies. Averages count three times. */
static LinearFixture set_up(ScalingKind kind, double bias, guint threads)
{
    LinearFixture data = linear_fixture_new(N, D, L, threads);
    data.places = D / C, data.averages = 3;
    linear_fixture_draw(&data, rng_new(7, 8), 5, -0.6, 0.2);
    for (int i = 0; i < N; i++)
        data.values[i * D + 3] = 0, data.values[i * D + 4] = 2;
    linear_fixture_set(&data, kind, bias);
    linear_fixture_rows(&data);
    return data;
}

static LinearTraining training_on(const LinearFixture *data, const char *solver, LinearFixtureForm form)
{
    LinearTraining training = linear_fixture_training(data, form, solver, weights);
    training.tolerance = 1e-7;
    return training;
}

static void assert_equals_liblinear(const LinearFixture *data, const char *solver, double cost)
{
    LinearTraining direct = training_on(data, solver, ON_ROWS), stream = training_on(data, solver, ON_STREAM);
    LinearProblem fits[L];
    g_autofree float *expected = linear_fixture_values(&direct, cost, NULL);
    g_autofree float *values = linear_fixture_values(&stream, cost, fits);
    for (guint p = 0; p < linear_problems(&stream); p++)
        g_assert_true(fits[p].iterations > 1 && !fits[p].not_converged);
    for (guint i = 0; i < N * direct.classes; i++)
        g_assert_cmpfloat_with_epsilon(values[i], expected[i], 2e-5);
}

/* By plain loops. */
static double mean_square(const LinearFixture *data)
{
    float row[D + C];
    double sum = 0;
    for (guint i = 0; i < N; i++) {
        rows_get(&data->set->scaled, i, row);
        for (int j = 0; j < D + C; j++)
            sum += (double)row[j] * row[j] / N;
    }
    return sum + MAX(data->set->bias, 0) * MAX(data->set->bias, 0);
}

static void test_optimum_is_liblinears(void)
{
    const ScalingKind kinds[] = {SCALE_NONE, SCALE_MAX, SCALE_STANDARD, SCALE_L2, SCALE_SQRT};
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++)
        for (int bias = -1; bias <= 1; bias += 2) {
            g_auto(LinearFixture) data = set_up(kinds[k], bias, 2);
            double square = descent_rows_mean_square(data.rows), cost = N / (square * 50);
            g_assert_cmpfloat_with_epsilon(square, mean_square(&data), 1e-5 * square);
            assert_equals_liblinear(&data, "svc-dual", cost);
            assert_equals_liblinear(&data, "hinge-dual", cost / 10);
            assert_equals_liblinear(&data, "svc", cost);
            assert_equals_liblinear(&data, "lr", cost);
            assert_equals_liblinear(&data, "lr-dual", cost * 10);
        }
}

/* Only labels 0 and 1: a single problem, with class 1 as the rest. */
static void test_two_classes(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_STANDARD, 1, 1);
    for (guint i = 0; i < N; i++)
        data.labels[i] = data.labels[i] > 0;
    data.classes = 2;
    assert_equals_liblinear(&data, "svc-dual", 0.01);
}

static void test_blocks_reach_the_same_optimum(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_STANDARD, 1, 2);
    data.rows->block = 37;
    assert_equals_liblinear(&data, "svc-dual", 0.01);
    assert_equals_liblinear(&data, "lr", 0.01);
}

static void test_threads_leave_the_bits(void)
{
    const char *names[] = {"svc-dual", "lr"};
    for (guint s = 0; s < G_N_ELEMENTS(names); s++) {
        g_auto(LinearFixture) one = set_up(SCALE_STANDARD, 1, 1), three = set_up(SCALE_STANDARD, 1, 3);
        LinearTraining first = training_on(&one, names[s], ON_STREAM),
                       second = training_on(&three, names[s], ON_STREAM);
        g_autofree float *a = linear_fixture_values(&first, 0.01, NULL),
                         *b = linear_fixture_values(&second, 0.01, NULL);
        g_assert_cmpmem(a, N * L * sizeof(float), b, N * L * sizeof(float));
    }
}

/* The weights returned for scaled features give the decision values of the descent. */
static void test_unfolded_weights(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_STANDARD, 1, 2);
    LinearTraining training = training_on(&data, "svc-dual", ON_STREAM);
    g_autoptr(LinearFits) fits = linear_fits_new(&training, NULL, 1, NULL);
    float kernel[(D + C) * L], offset[L], values[N * L], row[D];
    linear_fits_run(fits, 0.01, NULL, NULL);
    linear_fits_values(fits, values);
    linear_fits_weights(fits, kernel, offset);
    for (guint v = 0; v < L; v++)
        for (guint i = 0; i < N; i++) {
            double sum = offset[v];
            rows_part(&data.set->scaled, i, 0, D, row);
            for (int j = 0; j < D; j++)
                sum += (double)kernel[j * L + (int)v] * row[j];
            g_assert_cmpfloat_with_epsilon(sum, values[i * L + v], 1e-5);
        }
}

static void test_search_equals_liblinears(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_STANDARD, 1, 2);
    const double costs[] = {0.001, 0.01, 0.1};
    LinearTraining direct = training_on(&data, "svc-dual", ON_ROWS),
                   stream = training_on(&data, "svc-dual", ON_STREAM);
    g_autoptr(Search) expected = linear_fixture_search(&direct, costs, 3, 4, 9);
    g_autoptr(Search) found = linear_fixture_search(&stream, costs, 3, 4, 9);
    g_assert_nonnull(expected);
    g_assert_nonnull(found);
    g_assert_cmpuint(found->best, ==, expected->best);
    g_assert_cmpfloat_with_epsilon(found->temperature, expected->temperature, 1e-3);
    for (guint c = 0; c < 3; c++) {
        g_assert_cmpfloat_with_epsilon(found->points[c].accuracy, expected->points[c].accuracy, 1e-9);
        g_assert_true(found->points[c].iterations > 1);
    }
}

static void test_kernels_on_every_instruction_set(void)
{
    enum { WIDE = 133 };
    float x[WIDE], value[WIDE + ROW_SLACK];
    guint32 index[WIDE + ROW_SLACK];
    double matrix[WIDE * ROW_COLUMNS], expected[ROW_COLUMNS], sum[ROW_COLUMNS], step[ROW_COLUMNS];
    Rng rng = rng_new(3, 4);
    for (int j = 0; j < WIDE; j++)
        x[j] = rng_below(&rng, 4) ? (j % 2 ? 0.0f : -0.0f) : (float)rng_normal(&rng);
    x[WIDE - 1] = NAN;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_available((IsaSet)isa))
            continue;
        isa_force((IsaSet)isa);
        const RowKernels *kernels = kernels_current()->row;
        guint count = kernels->nonzeros(x, WIDE, index, value), t = 0;
        for (guint j = 0; j < WIDE; j++)
            if (!(x[j] == 0)) {
                g_assert_cmpuint(index[t], ==, j);
                g_assert_cmpmem(&value[t++], sizeof(float), &x[j], sizeof(float));
            }
        g_assert_cmpuint(t, ==, count);
        count--; /* without the NaN */
        memset(expected, 0, sizeof expected);
        for (int j = 0; j < WIDE * ROW_COLUMNS; j++)
            matrix[j] = rng_normal(&rng);
        for (int k = 0; k < ROW_COLUMNS; k++) {
            step[k] = k - 3;
            for (int j = 0; j < WIDE - 1; j++)
                expected[k] += x[j] * (matrix[j * ROW_COLUMNS + k] + (double)x[j] * step[k]);
        }
        kernels->add(matrix, index, value, count, step);
        kernels->dot(matrix, index, value, count, sum);
        for (int k = 0; k < ROW_COLUMNS; k++)
            g_assert_cmpfloat_with_epsilon(sum[k], expected[k], 1e-12);
    }
}

static void test_nothing_to_learn(void)
{
    float zeros[2][4] = {{0}};
    const float *x[2] = {zeros[0], zeros[1]};
    g_autoptr(GError) error = NULL;
    Rows rows = rows_in_memory(x, 2, 4);
    g_autoptr(TrainingSet) set = training_set_new(&rows, &(TrainingSetForm){SCALE_NONE, {0}, 1, 1, 1});
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    g_assert_null(descent_rows_new(set, FALSE, thread_pool, &error));
    g_assert_nonnull(strstr(error->message, "all features are zero"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/descent/every instruction set has the same kernels",
                    test_kernels_on_every_instruction_set);
    g_test_add_func("/descent/the optimum is liblinear's, whatever the scaling", test_optimum_is_liblinears);
    g_test_add_func("/descent/two classes are one problem", test_two_classes);
    g_test_add_func("/descent/blocks of rows reach the same optimum", test_blocks_reach_the_same_optimum);
    g_test_add_func("/descent/any number of threads gives the same bits", test_threads_leave_the_bits);
    g_test_add_func("/descent/weights for scaled features give the same decision values",
                    test_unfolded_weights);
    g_test_add_func("/descent/a search over folds finds what liblinear's does",
                    test_search_equals_liblinears);
    g_test_add_func("/descent/features that are all zero are refused", test_nothing_to_learn);
    return g_test_run();
}
