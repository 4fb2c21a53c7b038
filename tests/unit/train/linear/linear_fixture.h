/* linear_fixture: training data for the tests of linear heads, and the forms in which solvers take it. */
#pragma once
#include "common/core/rng.h"
#include "tests/unit/fixture.h"
#include "train/linear/gram_factor.h"
#include "train/linear/liblinear.h"

typedef struct {
    guint n, d, classes;
    float *values;   /* (n, d), to be filled by the test */
    const float **x; /* (n) the rows of values */
    int *labels;     /* (n), to be filled by the test */
    ThreadPool *thread_pool;

    Scaling *scaling; /* this and the rest: NULL until made by the function of that name */
    TrainingSet *set;
    LinearRows *rows;
    GramFactor *gram_factor;
    LinearRows *reduced; /* the rows of gram_factor */
} LinearFixture;

static inline LinearFixture linear_fixture_new(guint n, guint d, guint classes, guint threads)
{
    LinearFixture fixture = {.n = n, .d = d, .classes = classes};
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

/* Fits the scaling and makes the training set. */
static inline void linear_fixture_set(LinearFixture *fixture, ScalingKind kind, double bias)
{
    Rows rows = rows_in_memory(fixture->x, fixture->n, fixture->d);
    fixture->scaling = scaling_new(kind, fixture->d);
    scaling_fit(fixture->scaling, &rows);
    fixture->set = training_set_new(&rows, fixture->labels, fixture->classes, fixture->scaling, bias);
}

/* liblinear's rows of the set: scaled features, then the bias, or 0 without one. */
static inline void linear_fixture_rows(LinearFixture *fixture)
{
    guint d = fixture->d;
    g_autofree float *row = g_new(float, d);
    g_autofree double *wide = g_new(double, d + 1);
    fixture->rows = linear_rows_new(fixture->n, d + 1, (gsize)fixture->n * (d + 1));
    for (guint i = 0; i < fixture->n; i++) {
        training_set_take(fixture->set, i, 0, d, row);
        for (guint j = 0; j < d; j++)
            wide[j] = row[j];
        wide[d] = MAX(fixture->set->bias, 0);
        linear_rows_add(fixture->rows, wide, d + 1);
    }
}

/* Ends the thread pool: worker processes (process_pool.h) need a caller without threads. */
static inline void linear_fixture_gram_factor(LinearFixture *fixture)
{
    fixture->gram_factor = gram_factor_new(fixture->set, fixture->thread_pool, NULL);
    g_assert_nonnull(fixture->gram_factor);
    g_clear_pointer(&fixture->thread_pool, thread_pool_free);
}

static inline void linear_fixture_reduced(LinearFixture *fixture)
{
    guint n = fixture->n;
    fixture->reduced = linear_rows_new(n, n, (gsize)n * n);
    for (guint i = 0; i < n; i++)
        linear_rows_add(fixture->reduced, fixture->gram_factor->factor + (gsize)i * n, i + 1);
}

static inline void linear_fixture_clear(LinearFixture *fixture)
{
    linear_rows_free(fixture->reduced);
    gram_factor_free(fixture->gram_factor);
    linear_rows_free(fixture->rows);
    training_set_free(fixture->set);
    scaling_free(fixture->scaling);
    thread_pool_free(fixture->thread_pool);
    g_free(fixture->labels);
    g_free(fixture->x);
    g_free(fixture->values);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LinearFixture, linear_fixture_clear)
