/* linear_fixture: training data for the tests of linear heads, and the forms in which solvers take it. */
#pragma once
#include "common/core/rng.h"
#include "tests/unit/fixture.h"
#include "train/linear/linear_fit.h"
#include "train/linear/search.h"

#include <math.h>

typedef struct {
    guint n, d, classes;
    guint places; /* of features, and what their averages count: 1, or set by the test */
    double averages;
    float *values;   /* (n, d), to be filled by the test */
    const float **x; /* (n) the rows of values */
    int *labels;     /* (n), to be filled by the test */
    ThreadPool *thread_pool;

    TrainingSet *set;     /* this and the rest: NULL until made by the function of that name */
    DescentRows *rows;    /* of the set */
    DescentRows *reduced; /* of its Gram factor */
} LinearFixture;

/* liblinear on features and on the rows of the Gram factor, descent.h on the rows of a cache and of the Gram factor. */
typedef enum { ON_ROWS, ON_REDUCED, ON_STREAM, ON_DENSE } LinearFixtureForm;

static inline LinearFixture linear_fixture_new(guint n, guint d, guint classes, guint threads)
{
    LinearFixture fixture = {.n = n, .d = d, .classes = classes, .places = 1, .averages = 1};
    fixture.values = g_new0(float, n *d);
    fixture.x = g_new(const float *, n);
    fixture.labels = g_new0(int, n);
    for (guint i = 0; i < n; i++)
        fixture.x[i] = fixture.values + i * d;
    fixture.thread_pool = thread_pool_new(threads);
    return fixture;
}

/* Overlapping classes: every `third`-th image is of class 2, the others of 0 and 1 in turn. Each class has `signal`
 * added to every third feature; values have the mean `mean` elsewhere, variance 1, and are cut off at 0 as after a
 * ReLU. */
static inline void linear_fixture_draw(LinearFixture *fixture, Rng rng, guint third, double mean,
                                       double signal)
{
    for (guint i = 0; i < fixture->n; i++) {
        int label = fixture->labels[i] = i % third == 0 ? 2 : (int)i % 2;
        for (guint j = 0; j < fixture->d; j++)
            fixture->values[i * fixture->d + j] =
                (float)MAX(0, rng_normal(&rng) + mean + ((int)j % 3 == label ? signal : 0));
    }
}

static inline void linear_fixture_set(LinearFixture *fixture, ScalingKind kind, double bias)
{
    Rows rows = rows_in_memory(fixture->x, fixture->n, fixture->d);
    const TrainingSetForm form = {kind, {0}, bias, fixture->places, fixture->averages};
    fixture->set = training_set_new(&rows, &form);
}

static inline void linear_fixture_rows(LinearFixture *fixture)
{
    fixture->rows = descent_rows_new(fixture->set, FALSE, fixture->thread_pool, NULL);
    g_assert_nonnull(fixture->rows);
}

static inline void linear_fixture_reduced(LinearFixture *fixture)
{
    fixture->reduced = descent_rows_new(fixture->set, TRUE, fixture->thread_pool, NULL);
    g_assert_nonnull(fixture->reduced);
}

static inline LinearTraining linear_fixture_training(const LinearFixture *fixture, LinearFixtureForm form,
                                                     const char *solver, double *class_weights)
{
    const Solver *found = solver_find(solver);
    g_assert_nonnull(found);
    return (LinearTraining){.solver = found,
                            .tolerance = found->tolerance,
                            .class_weights = class_weights,
                            .seed = 42,
                            .labels = fixture->labels,
                            .n = fixture->n,
                            .classes = fixture->classes,
                            .set = fixture->set,
                            .rows = form == ON_REDUCED || form == ON_DENSE ? fixture->reduced : fixture->rows,
                            .thread_pool = fixture->thread_pool,
                            .workers = form == ON_ROWS || form == ON_REDUCED ? 2 : 0};
}

/* (N, L) decision values of every row after a fit to all at this cost; results (problems) or NULL. */
static inline float *linear_fixture_values(const LinearTraining *training, double cost,
                                           LinearProblem *results)
{
    g_autoptr(LinearFits) fits = linear_fits_new(training, NULL, 1, NULL);
    GError *error = NULL;
    g_assert_true(linear_fits_run(fits, cost, NULL, &error));
    g_assert_no_error(error);
    float *values = g_new(float, training->n * training->classes);
    linear_fits_values(fits, values);
    for (guint p = 0; results && p < fits->n; p++)
        results[p] = fits->problems[p];
    return values;
}

/* Of folds that share the training. */
static inline Search *linear_fixture_search(const LinearTraining *training, const double *costs, guint n,
                                            guint folds, guint64 seed)
{
    GError *error = NULL;
    Search *search = search_new(training, costs, n, folds, seed, &error);
    g_assert_no_error(error);
    g_assert_true(search_fit(search, 0, folds, NULL, &error));
    search_finish(search);
    return search;
}

static inline double linear_fixture_difference(const float *a, const float *b, guint n)
{
    double largest = 0;
    for (guint i = 0; i < n; i++)
        largest = MAX(largest, fabs((double)a[i] - b[i]));
    return largest;
}

static inline void linear_fixture_clear(LinearFixture *fixture)
{
    descent_rows_free(fixture->reduced);
    descent_rows_free(fixture->rows);
    training_set_free(fixture->set);
    thread_pool_free(fixture->thread_pool);
    g_free(fixture->labels);
    g_free(fixture->x);
    g_free(fixture->values);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LinearFixture, linear_fixture_clear)
