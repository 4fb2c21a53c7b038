/* Folds and the search over costs. */
#include "common/arithmetic/blas.h"
#include "tests/unit/train/linear/linear_fixture.h"

#include <math.h>
#include <string.h>

static void test_folds(void)
{
    enum { N = 103, L = 4, FOLDS = 5 };
    int labels[N];
    guint fold[N], again[N], other[N];
    guint count[L] = {0}, in[FOLDS][L] = {{0}}, size[FOLDS] = {0};
    for (int i = 0; i < N; i++)
        count[labels[i] = i < 3 ? 3 : i % 3]++;
    const LinearTraining training = {.labels = labels, .n = N, .classes = L};
    search_folds(&training, FOLDS, 42, fold);
    search_folds(&training, FOLDS, 42, again);
    search_folds(&training, FOLDS, 43, other);
    g_assert_cmpmem(fold, sizeof fold, again, sizeof again);
    g_assert_true(memcmp(fold, other, sizeof fold) != 0);
    for (int i = 0; i < N; i++) {
        guint tested = 0;
        for (guint f = 0; f < FOLDS; f++) {
            gboolean held = part_tests((Part){fold, f}, (guint)i);
            g_assert_true(held != part_trains_on((Part){fold, f}, (guint)i));
            tested += held;
            in[f][labels[i]] += held;
            size[f] += held;
        }
        g_assert_cmpuint(tested, ==, 1);
    }
    for (int f = 0; f < FOLDS; f++) {
        g_assert_cmpuint(size[f], >=, N / FOLDS);
        g_assert_cmpuint(size[f], <=, N / FOLDS + 1);
        for (int k = 0; k < L; k++) {
            g_assert_cmpuint(in[f][k], >=, count[k] / FOLDS);
            g_assert_cmpuint(in[f][k], <=, count[k] / FOLDS + 1);
        }
    }
}

static void test_cost_grid(void)
{
    const double squares[] = {1e-7, 0.03, 1, 2, 25088, 5e9};
    for (gsize s = 0; s < G_N_ELEMENTS(squares); s++) {
        const guint n = SEARCH_COSTS;
        double costs[SEARCH_COSTS];
        search_costs(1 / squares[s], costs);
        g_assert_cmpfloat(costs[0], <, 1 / squares[s]);
        g_assert_cmpfloat(costs[n - 1], >, 100 / squares[s]);
        for (guint i = 0; i < n; i++) {
            double mantissa = costs[i] / pow(10, floor(log10(costs[i]) + 1e-9));
            g_assert_true(fabs(mantissa - 1) < 1e-9 || fabs(mantissa - 3) < 1e-9);
            g_assert_true(i == 0 || costs[i] > costs[i - 1]);
        }
    }
}

enum { N = 60, D = 80, L = 3 };
static double weights[L] = {1, 1, 1};

/* Three clusters on the axes of a space of D dimensions, the first `singles` images in the third. */
static LinearFixture set_up(double noise, guint singles)
{
    LinearFixture fixture = linear_fixture_new(N, D, L, 1);
    Rng rng = rng_new(1, 1);
    for (int i = 0; i < N; i++) {
        int label = fixture.labels[i] = i < (int)singles ? 2 : i % 2;
        for (int j = 0; j < D; j++)
            fixture.values[i * D + j] = (float)(noise * rng_normal(&rng) + (j == label ? 3 : 0));
    }
    linear_fixture_set(&fixture, SCALE_NONE, 1);
    linear_fixture_reduced(&fixture);
    return fixture;
}

static LinearTraining training_on(const LinearFixture *fixture)
{
    LinearTraining training = linear_fixture_training(fixture, ON_DENSE, "svc-dual", weights);
    training.tolerance = 0.01;
    return training;
}

static void test_separates(void)
{
    g_auto(LinearFixture) clusters = set_up(0.2, 20);
    LinearTraining training = training_on(&clusters);
    const double costs[] = {0.01, 0.1, 1};
    g_autoptr(Search) search = linear_fixture_search(&training, costs, 3, 5, 42);
    g_assert_cmpfloat(search->points[2].accuracy, ==, 1);
    g_assert_cmpfloat(search->points[2].deviation, ==, 0);
    /* The smallest cost of equal accuracies is chosen. */
    for (guint i = 0; i < search->best; i++)
        g_assert_cmpfloat(search->points[i].accuracy, <, 1);
    g_autoptr(ThreadPool) three = thread_pool_new(3);
    training.thread_pool = three;
    g_autoptr(Search) again = linear_fixture_search(&training, costs, 3, 5, 42);
    g_assert_cmpmem(search->points, 3 * sizeof(SearchPoint), again->points, 3 * sizeof(SearchPoint));
}

/* Random labels: the accuracy must be that of chance, unless images of the held-out fold were trained on. */
static void test_no_leak(void)
{
    g_auto(LinearFixture) clusters = set_up(1, 20);
    LinearTraining training = training_on(&clusters);
    Rng rng = rng_new(7, 7);
    for (int i = 0; i < N; i++)
        clusters.labels[i] = (int)rng_below(&rng, L);
    const double cost = 10;
    g_autoptr(Search) search = linear_fixture_search(&training, &cost, 1, 6, 42);
    g_assert_cmpfloat(search->points[0].accuracy, <, 0.55);
}

/* Class 2 has one image: when its fold is held out, the class cannot be learnt and is never predicted. */
static void test_single_image(void)
{
    g_auto(LinearFixture) clusters = set_up(0.2, 1);
    LinearTraining training = training_on(&clusters);
    const double cost = 1;
    g_autoptr(Search) search = linear_fixture_search(&training, &cost, 1, N, 42);
    g_assert_cmpfloat_with_epsilon(search->points[0].accuracy, (N - 1.0) / N, 1e-9);
    g_assert_cmpuint(search->n_held, ==, N - 1); /* the values of the fold without it are not finite */
    for (guint i = 0; i < search->n_held; i++) {
        g_assert_cmpuint(search->images[i], ==, i + 1);
        g_assert_cmpint(search->labels[i], ==, clusters.labels[i + 1]);
    }
    /* All but one image of one class: a fold may be left with the other class only. */
    for (int i = 0; i < N; i++)
        clusters.labels[i] = i > 0;
    training.classes = 2;
    g_autoptr(Search) two = linear_fixture_search(&training, &cost, 1, N, 42);
    g_assert_cmpfloat(two->points[0].accuracy, >=, (N - 2.0) / N);
}

static void test_texts(void)
{
    SearchPoint points[] = {{0.01, 0.5, 0.1, 3, 0}, {0.1, 0.75, 0.05, 40.5, 2}, {1, 0.75, 0.02, 7, 0}};
    Search search = {.n = 3, .folds = 5, .points = points, .best = 1};
    g_autofree char *csv = search_csv(&search), *text = search_text(&search);
    g_assert_cmpstr(csv, ==,
                    "cost,accuracy,deviation,iterations\n0.01,0.500000,0.100000,3.0\n"
                    "0.1,0.750000,0.050000,40.5\n1,0.750000,0.020000,7.0\n");
    g_assert_nonnull(strstr(text, "40.5!  <- best"));
    g_assert_nonnull(strstr(text, "! some fits at these costs reached"));
    g_assert_nonnull(strstr(text, "Cost 0.1: accuracy 0.7500"));
    g_assert_nonnull(strstr(text, "smallest cost"));
    search.best = 2;
    g_autofree char *edge = search_text(&search);
    g_assert_nonnull(strstr(edge, "largest cost tried"));
}

int main(int argc, char **argv)
{
    blas_startup(1);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/folds have equal shares of every class, by the seed", test_folds);
    g_test_add_func("/search/costs are round numbers around the features' scale", test_cost_grid);
    g_test_add_func(
        "/search/clusters are separated, the smallest of equal costs chosen, for any number of threads",
        test_separates);
    g_test_add_func("/search/held-out images are not trained on", test_no_leak);
    g_test_add_func("/search/a class that a fold cannot learn is not predicted there", test_single_image);
    g_test_add_func("/search/table, choice and CSV report the results", test_texts);
    return g_test_run();
}
