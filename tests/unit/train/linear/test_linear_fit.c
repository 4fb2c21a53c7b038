/* Linear heads: liblinear on features and on rows of the Gram factor, and our coordinate descent, against one
 * another. */
#include "common/arithmetic/blas.h"
#include "tests/unit/train/linear/linear_fixture.h"
#include "train/linear/linear_fit.h"

#include <math.h>
#include <string.h>

enum { N = 90, D = 240, L = 3 };

/* Half of the numbers are zero; one image occurs twice, under two labels. */
static LinearFixture set_up(void)
{
    LinearFixture fixture = linear_fixture_new(N, D, L, 2);
    linear_fixture_draw(&fixture, rng_new(5, 6), 7, 0, 0.15);
    memcpy(fixture.values + 11 * D, fixture.values + 14 * D, D * sizeof(float));
    linear_fixture_set(&fixture, SCALE_L2, 1);
    linear_fixture_rows(&fixture);
    linear_fixture_gram_factor(&fixture);
    linear_fixture_reduced(&fixture);
    return fixture;
}

static const double weights[L] = {1, 2, 0.5};

typedef enum { DIRECT, REDUCED, DENSE } Form;

static LinearTraining training_on(const LinearFixture *data, const char *solver, Form form)
{
    const LinearSolver *found = linear_solver_find(solver);
    g_assert_nonnull(found);
    return (LinearTraining){.solver = found,
                            .tolerance = found->tolerance,
                            .class_weights = weights,
                            .seed = 42,
                            .workers = 2,
                            .rows = form == DIRECT    ? data->rows
                                    : form == REDUCED ? data->reduced
                                                      : NULL,
                            .gram_factor = form == DENSE ? data->gram_factor : NULL,
                            .labels = data->labels,
                            .n = N,
                            .classes = L};
}

/* (N, vectors) decision values of every image after a fit to all. */
static double *decisions(const LinearTraining *training, double cost)
{
    GError *error = NULL;
    g_autofree double *w = linear_fit_all(training, cost, NULL, NULL, &error);
    g_assert_no_error(error);
    guint vectors = linear_vectors(training), width = linear_width(training);
    double *values = g_new(double, N *vectors);
    for (guint i = 0; i < N; i++)
        for (guint v = 0; v < vectors; v++)
            values[i * vectors + v] = linear_value(training, i, w + v * width);
    return values;
}

static double largest_difference(const double *a, const double *b, guint n)
{
    double largest = 0;
    for (guint i = 0; i < n; i++)
        largest = MAX(largest, fabs(a[i] - b[i]));
    return largest;
}

/* Dual solvers take the same steps in both forms, for any tolerance. Primal ones precondition by the diagonal of the
 * Hessian, which depends on the basis, so that they agree only as far as they converge. */
static void test_reduced_equals_direct(void)
{
    g_auto(LinearFixture) data = set_up();
    for (const LinearSolver *s = linear_solvers; s->name; s++) {
        if (!s->rotation)
            continue;
        LinearTraining direct = training_on(&data, s->name, DIRECT),
                       reduced = training_on(&data, s->name, REDUCED);
        if (s->warm)
            direct.tolerance = reduced.tolerance = 1e-9;
        g_autofree double *a = decisions(&direct, 3), *b = decisions(&reduced, 3);
        double difference = largest_difference(a, b, N * L);
        g_test_message("%s: %g", s->name, difference);
        g_assert_cmpfloat(difference, <, s->warm ? 1e-6 : 1e-8);
    }
}

static void test_descent_equals_liblinear(void)
{
    g_auto(LinearFixture) data = set_up();
    const char *solvers[] = {"svc-dual", "hinge-dual"};
    for (int s = 0; s < 2; s++)
        for (double cost = 0.01; cost < 2000; cost *= 10) {
            LinearTraining reduced = training_on(&data, solvers[s], REDUCED),
                           dense = training_on(&data, solvers[s], DENSE);
            LinearFit expected[L], found[L];
            g_assert_true(coordinate_serves(dense.solver));
            g_autofree double *a = linear_fit_all(&reduced, cost, expected, NULL, NULL);
            g_autofree double *b = linear_fit_all(&dense, cost, found, NULL, NULL);
            g_assert_cmpfloat(largest_difference(a, b, N * L), <, 1e-9 * MAX(1, cost));
            for (int k = 0; k < L; k++) {
                g_assert_cmpint(found[k].iterations, ==, expected[k].iterations);
                g_assert_cmpint(found[k].not_converged, ==, expected[k].not_converged);
            }
        }
}

static void test_iteration_limit(void)
{
    g_auto(LinearFixture) data = set_up();
    for (Form form = REDUCED; form <= DENSE; form++) {
        LinearTraining training = training_on(&data, "hinge-dual", form);
        LinearFit fits[L];
        training.tolerance = 1e-14;
        g_autofree double *w = linear_fit_all(&training, 1e6, fits, NULL, NULL);
        g_assert_nonnull(w);
        g_assert_true(fits[0].not_converged);
        g_assert_cmpint(fits[0].iterations, ==, 1000);
    }
}

static void test_workers(void)
{
    g_auto(LinearFixture) data = set_up();
    for (const LinearSolver *s = linear_solvers; s->name; s++) {
        LinearTraining training = training_on(&data, s->name, DIRECT);
        training.workers = 1;
        g_autofree double *one = decisions(&training, 1);
        training.workers = 3;
        g_autofree double *three = decisions(&training, 1);
        g_assert_cmpmem(one, N * L * sizeof(double), three, N * L * sizeof(double));
    }
}

/* A fit that starts from the solution for another cost arrives at the same solution. */
static void test_warm_start(void)
{
    g_auto(LinearFixture) data = set_up();
    guint index[N];
    for (guint i = 0; i < N; i++)
        index[i] = i;
    const struct {
        const char *solver;
        Form form;
    } ways[] = {{"lr", REDUCED}, {"svc", REDUCED}, {"svc-dual", DENSE}, {"hinge-dual", DENSE}};
    for (gsize way = 0; way < G_N_ELEMENTS(ways); way++) {
        LinearTraining training = training_on(&data, ways[way].solver, ways[way].form);
        training.tolerance = 1e-9;
        g_autoptr(LinearState) cold = linear_state_new(&training, N), warm = linear_state_new(&training, N);
        LinearFit fit, first, second, again;
        g_assert_true(linear_fit(&training, 1, 10, index, N, cold, &fit));
        g_assert_true(linear_fit(&training, 1, 5, index, N, warm, &first));
        g_assert_true(linear_fit(&training, 1, 10, index, N, warm, &second));
        g_assert_cmpfloat(largest_difference(cold->w, warm->w, N), <, 1e-5);
        g_assert_true(linear_fit(&training, 1, 10, index, N, warm, &again));
        g_test_message("%s: %d iterations, %d from another cost, %d from the solution", ways[way].solver,
                       fit.iterations, second.iterations, again.iterations);
        g_assert_cmpint(again.iterations, <=, 2);
    }
}

static void test_missing_side(void)
{
    g_auto(LinearFixture) data = set_up();
    guint index[N], n = 0;
    for (guint i = 0; i < N; i++)
        if (data.labels[i] == 1)
            index[n++] = i;
    const char *solvers[] = {"svc-dual", "crammer-singer", "lr"};
    for (int s = 0; s < 3; s++) {
        LinearTraining training = training_on(&data, solvers[s], REDUCED);
        g_autoptr(LinearState) state = linear_state_new(&training, n);
        LinearFit fit;
        for (guint problem = 0; problem < linear_problems(&training); problem++)
            g_assert_false(linear_fit(&training, problem, 1, index, n, state, &fit));
    }
}

static void test_two_classes(void)
{
    g_auto(LinearFixture) data = set_up();
    for (int i = 0; i < N; i++)
        data.labels[i] = data.labels[i] == 1;
    LinearTraining training = training_on(&data, "svc-dual", DENSE);
    training.classes = 2;
    g_assert_cmpuint(linear_problems(&training), ==, 1);
    g_assert_cmpuint(linear_vectors(&training), ==, 1);
    g_autofree double *w = linear_fit_all(&training, 100, NULL, NULL, NULL);
    g_assert_cmpfloat(linear_accuracy(&training, w), >, 0.9);
    training.solver = linear_solver_find("4");
    training.rows = data.reduced, training.gram_factor = NULL;
    g_assert_cmpuint(linear_vectors(&training), ==, 2);
}

static void test_solver_names(void)
{
    for (const LinearSolver *s = linear_solvers; s->name; s++) {
        g_autofree char *number = g_strdup_printf("%d", s->type), *lower = g_ascii_strdown(s->name, -1);
        g_assert_true(linear_solver_find(number) == s);
        g_assert_true(linear_solver_find(lower) == s);
        g_assert_true(linear_solver_find(s->alias) == s);
    }
    g_assert_null(linear_solver_find("11"));
    g_assert_null(linear_solver_find("L2R_L2LOSS_SVR"));
    g_assert_null(linear_solver_find(""));
}

int main(int argc, char **argv)
{
    blas_startup(1);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func(
        "/linear/every L2-regularised solver gives the same decisions reduced and on all features",
        test_reduced_equals_direct);
    g_test_add_func("/linear/the dense descent is liblinear's, iteration by iteration",
                    test_descent_equals_liblinear);
    g_test_add_func("/linear/reaching the iteration limit is reported", test_iteration_limit);
    g_test_add_func("/linear/one worker and three give the same bits, for every solver", test_workers);
    g_test_add_func("/linear/a warm start ends at the same solution, at once if it starts there",
                    test_warm_start);
    g_test_add_func("/linear/a problem without one of its sides is skipped", test_missing_side);
    g_test_add_func("/linear/two classes are one problem", test_two_classes);
    g_test_add_func("/linear/solvers are found by number, name and alias", test_solver_names);
    return g_test_run();
}
