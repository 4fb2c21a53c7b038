/* Linear heads: liblinear on features and on rows of the Gram factor, and our descent on the latter, against one another. */
#include "common/arithmetic/blas.h"
#include "common/network/scores.h"
#include "tests/unit/train/linear/linear_fixture.h"
#include "train/linear/liblinear.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 90, D = 240, L = 3 };

/* Half of the numbers are zero. contradiction: one image occurs twice, under two labels; else hyperplanes separate the
 * classes. */
static LinearFixture set_up_with(gboolean contradiction)
{
    LinearFixture fixture = linear_fixture_new(N, D, L, 2);
    linear_fixture_draw(&fixture, rng_new(5, 6), 7, 0, 0.15);
    if (contradiction)
        memcpy(fixture.values + 11 * D, fixture.values + 14 * D, D * sizeof(float));
    linear_fixture_set(&fixture, SCALE_L2, 1);
    linear_fixture_rows(&fixture);
    linear_fixture_reduced(&fixture);
    return fixture;
}

static LinearFixture set_up(void)
{
    return set_up_with(TRUE);
}

static double weights[L] = {1, 2, 0.5};

static LinearTraining training_on(const LinearFixture *data, const char *solver, LinearFixtureForm form)
{
    return linear_fixture_training(data, form, solver, weights);
}

/* (N, L) in double precision, by liblinear's weights on these rows. */
static double *decisions(const LinearFixture *data, const LinearTraining *training)
{
    LinearProblem problems[L] = {{.class = 0}, {.class = 1}, {.class = 2}};
    guint width = descent_rows_weights(training->rows);
    float row[D + 1] = {[D] = (float)data->set->bias};
    g_auto(Arena) arena = {0};
    liblinear_new(&arena, training, problems, linear_problems(training));
    arena_take(&arena);
    Liblinear *liblinear = liblinear_new(&arena, training, problems, linear_problems(training));
    g_assert_true(liblinear_start(liblinear, NULL) && liblinear_run(liblinear, 3, NULL, NULL));
    const double *w = liblinear_weights(liblinear);
    double *values = g_new0(double, N *L);
    for (guint i = 0; i < N; i++) {
        rows_get(&data->set->scaled, i, row);
        for (guint v = 0; v < L; v++)
            for (guint j = 0; j < (training->rows->reduced ? i + 1 : width); j++)
                values[i * L + v] +=
                    w[v * width + j] *
                    (training->rows->reduced ? data->reduced->factor.matrix[i * N + j] : row[j]);
    }
    liblinear_stop(liblinear);
    return values;
}

/* Dual solvers take the same steps in both forms, for any tolerance. Primal ones precondition by the diagonal of the
 * Hessian, which depends on the basis, so that they agree only as far as they converge. */
static void test_reduced_equals_direct(void)
{
    g_auto(LinearFixture) data = set_up();
    for (const Solver *s = solvers; s < solvers + SOLVERS; s++) {
        if (!s->rotation)
            continue;
        LinearTraining direct = training_on(&data, s->name, ON_ROWS),
                       reduced = training_on(&data, s->name, ON_REDUCED);
        if (!s->dual)
            direct.tolerance = reduced.tolerance = 1e-9;
        g_autofree double *a = decisions(&data, &direct), *b = decisions(&data, &reduced);
        double difference = 0;
        for (guint i = 0; i < N * L; i++)
            difference = MAX(difference, fabs(a[i] - b[i]));
        g_test_message("%s: %g", s->name, difference);
        g_assert_cmpfloat(difference, <, s->dual ? 1e-8 : 1e-6);
    }
}

/* The order of the rows differs, so the steps do; the optimum and, about, the number of passes do not. */
static void assert_equals_liblinear(const LinearFixture *data, const char *solver, double cost,
                                    gboolean converges)
{
    LinearTraining reduced = training_on(data, solver, ON_REDUCED),
                   dense = training_on(data, solver, ON_DENSE);
    LinearProblem expected[L], found[L];
    reduced.tolerance = dense.tolerance = 1e-7;
    g_autofree float *a = linear_fixture_values(&reduced, cost, expected);
    g_autofree float *b = linear_fixture_values(&dense, cost, found);
    for (guint k = 0; k < L; k++) {
        g_assert_true(!converges || !expected[k].not_converged);
        g_assert_cmpint(found[k].not_converged, ==, expected[k].not_converged);
        g_assert_cmpint(found[k].iterations, <=, 2 * expected[k].iterations);
        for (guint i = k; i < N * L && !expected[k].not_converged; i += L)
            g_assert_cmpfloat_with_epsilon(a[i], b[i], 2e-6);
    }
}

/* Where images contradict one another, a high cost takes liblinear, and so the descent, to the limit of passes. */
static void test_descent_equals_liblinear(void)
{
    g_auto(LinearFixture) data = set_up(), separable = set_up_with(FALSE);
    const char *names[] = {"svc-dual", "hinge-dual", "lr-dual"};
    for (guint s = 0; s < G_N_ELEMENTS(names); s++)
        for (double cost = 0.01; cost < 2e4; cost *= 10) {
            assert_equals_liblinear(&separable, names[s], cost, TRUE);
            assert_equals_liblinear(&data, names[s], cost, cost < 20);
        }
}

static void test_iteration_limit(void)
{
    g_auto(LinearFixture) data = set_up();
    for (LinearFixtureForm form = ON_REDUCED; form <= ON_DENSE; form++) {
        LinearTraining training = training_on(&data, "hinge-dual", form);
        LinearProblem fits[L];
        training.tolerance = 1e-14;
        g_free(linear_fixture_values(&training, 1e6, fits));
        g_assert_true(fits[0].not_converged);
        g_assert_cmpint(fits[0].iterations, ==, 1000);
    }
}

static void test_workers(void)
{
    g_auto(LinearFixture) data = set_up();
    for (const Solver *s = solvers; s < solvers + SOLVERS; s++) {
        LinearTraining training = training_on(&data, s->name, ON_ROWS);
        training.workers = 1;
        g_autofree float *one = linear_fixture_values(&training, 1, NULL);
        training.workers = 3;
        g_autofree float *three = linear_fixture_values(&training, 1, NULL);
        g_assert_cmpmem(one, N * L * sizeof(float), three, N * L * sizeof(float));
    }
}

/* A fit that starts from the solution for another cost arrives at the same solution. */
static void test_warm_start(void)
{
    g_auto(LinearFixture) data = set_up();
    const struct {
        const char *solver;
        LinearFixtureForm form;
    } ways[] = {{"lr", ON_REDUCED},       {"svc", ON_REDUCED},     {"svc-dual", ON_DENSE},
                {"hinge-dual", ON_DENSE}, {"svc-dual", ON_STREAM}, {"lr-dual", ON_STREAM}};
    for (gsize way = 0; way < G_N_ELEMENTS(ways); way++) {
        LinearTraining training = training_on(&data, ways[way].solver, ways[way].form);
        training.tolerance = 1e-9;
        LinearProblem fit[L];
        g_autofree float *cold = linear_fixture_values(&training, 10, fit), *warm = g_new(float, N *L);
        g_autoptr(LinearFits) fits = linear_fits_new(&training, NULL, 1, NULL);
        g_assert_true(linear_fits_run(fits, 5, NULL, NULL) && linear_fits_run(fits, 10, NULL, NULL));
        linear_fits_values(fits, warm);
        g_assert_cmpfloat(linear_fixture_difference(cold, warm, N * L), <, 1e-5);
        int second = fits->problems[1].iterations;
        g_assert_true(linear_fits_run(fits, 10, NULL, NULL));
        g_test_message("%s: %d iterations, %d from another cost, %d from the solution", ways[way].solver,
                       fit[1].iterations, second, fits->problems[1].iterations);
        g_assert_cmpint(fits->problems[1].iterations, <=, 2);
    }
}

/* Trained on class 1 alone, or on two of the classes: the rest are never predicted outside of that part. */
static void test_missing_side(void)
{
    g_auto(LinearFixture) data = set_up();
    guint folds[2][N];
    const Part parts[2] = {{folds[0], 0}, {folds[1], 0}};
    memset(folds, 0, sizeof folds);
    for (guint i = 0; i < N / 2; i++)
        folds[0][i] = data.labels[i] == 1 ? 1 : ROW_UNUSED,
        folds[1][i] = data.labels[i] != 0 ? 1 : ROW_UNUSED;
    const struct {
        const char *solver;
        LinearFixtureForm form;
    } ways[] = {
        {"svc-dual", ON_DENSE}, {"crammer-singer", ON_REDUCED}, {"lr", ON_REDUCED}, {"lr", ON_STREAM}};
    for (gsize way = 0; way < G_N_ELEMENTS(ways); way++) {
        LinearTraining training = training_on(&data, ways[way].solver, ways[way].form);
        g_autoptr(LinearFits) fits = linear_fits_new(&training, parts, 2, NULL);
        g_autofree float *values = g_new(float, N * 2 * L);
        g_assert_true(linear_fits_run(fits, 1, NULL, NULL));
        linear_fits_values(fits, values);
        for (guint i = N / 2; i < N; i++) {
            const float *alone = values + i * 2 * L, *two = alone + L;
            g_assert_true(isinf(alone[0]) && isinf(alone[2]) && scores_argmax(alone, L) == 1);
            g_assert_true(isinf(two[0]) && isfinite(two[1]) && isfinite(two[2]) &&
                          scores_argmax(two, L) != 0);
        }
    }
}

static void test_death(void)
{
    g_auto(LinearFixture) data = set_up();
    LinearTraining training = training_on(&data, "lr", ON_REDUCED);
    g_autoptr(LinearFits) fits = linear_fits_new(&training, NULL, 1, NULL);
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", getpid()), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) children = g_strsplit(g_strchomp(text), " ", -1);
    g_assert_cmpuint(g_strv_length(children), ==, 2);
    for (char **child = children; *child; child++)
        kill((pid_t)atoi(*child), SIGKILL);
    g_autoptr(GError) error = NULL;
    g_assert_false(linear_fits_run(fits, 1, NULL, &error));
    g_assert_nonnull(
        strstr(error->message, "a worker process died (it was killed, most likely for lack of memory)"));
}

static void test_two_classes(void)
{
    g_auto(LinearFixture) data = set_up();
    guint right = 0;
    for (int i = 0; i < N; i++)
        data.labels[i] = data.labels[i] == 1;
    data.classes = 2;
    LinearTraining training = training_on(&data, "svc-dual", ON_DENSE);
    g_assert_cmpuint(linear_problems(&training), ==, 1);
    g_autofree float *values = linear_fixture_values(&training, 100, NULL);
    for (int i = 0; i < N; i++) {
        g_assert_true(values[2 * i] == -values[2 * i + 1]);
        right += scores_argmax(values + 2 * i, 2) == data.labels[i];
    }
    g_assert_cmpuint(right, >, N * 9 / 10);
}

static void test_solver_names(void)
{
    for (const Solver *s = solvers; s < solvers + SOLVERS; s++) {
        g_autofree char *number = g_strdup_printf("%u", solver_number(s)),
                        *lower = g_ascii_strdown(s->name, -1);
        g_assert_true(solver_find(number) == s);
        g_assert_true(solver_find(lower) == s);
        g_assert_true(solver_find(s->alias) == s);
    }
    g_assert_null(solver_find("11"));
    g_assert_null(solver_find("L2R_L2LOSS_SVR"));
    g_assert_null(solver_find(""));
}

int main(int argc, char **argv)
{
    blas_startup(1);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/linear/every L2-regularised solver gives the same decisions reduced and on all features",
        test_reduced_equals_direct);
    g_test_add_func("/linear/the descent on a Gram factor finds liblinear's optimum at every cost",
                    test_descent_equals_liblinear);
    g_test_add_func("/linear/reaching the iteration limit is reported", test_iteration_limit);
    g_test_add_func("/linear/one worker and three give the same bits, for every solver", test_workers);
    g_test_add_func("/linear/a warm start ends at the same solution, at once if it starts there",
                    test_warm_start);
    g_test_add_func("/linear/a class that a part lacks is never predicted there", test_missing_side);
    g_test_add_func("/linear/a worker process that dies is an error", test_death);
    g_test_add_func("/linear/two classes are one problem", test_two_classes);
    g_test_add_func("/linear/solvers are found by number, name and alias", test_solver_names);
    return g_test_run();
}
