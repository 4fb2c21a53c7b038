/* The Gram factor against plain loops in double precision. */
#include "common/arithmetic/blas.h"
#include "tests/unit/train/linear/linear_fixture.h"

#include <math.h>
#include <string.h>

enum { N = 410, D = 2100 }; /* several tiles, panels and chunks, with incomplete ones */

/* Half of the numbers are zero, as after a ReLU. Rows 7 and 300 are the same image; row 9 is the sum of two others. */
static LinearFixture set_up(ScalingKind kind, double bias)
{
    LinearFixture fixture = linear_fixture_new(N, D, 2, 1);
    Rng rng = rng_new(7, 2);
    for (guint i = 0; i < N * D; i++)
        fixture.values[i] = (float)MAX(0, rng_normal(&rng));
    memcpy(fixture.values + 300 * D, fixture.values + 7 * D, D * sizeof(float));
    for (int j = 0; j < D; j++)
        fixture.values[9 * D + j] = fixture.values[20 * D + j] + fixture.values[30 * D + j];
    linear_fixture_set(&fixture, kind, bias);
    return fixture;
}

static DescentRows *reduce(const LinearFixture *data, guint threads)
{
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    DescentRows *rows = descent_rows_new(data->set, TRUE, thread_pool, NULL);
    g_assert_nonnull(rows);
    return rows;
}

/* (N, D): the scaled rows. */
static float *scaled_rows(const LinearFixture *data)
{
    float *rows = g_new(float, N *D);
    for (int i = 0; i < N; i++)
        scaling_apply(data->set->scaling, data->x[i], rows + (gsize)i * D);
    return rows;
}

static double product(const double *a, const double *b, guint n)
{
    double sum = 0;
    for (guint i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void assert_products_kept(ScalingKind kind, double bias)
{
    g_auto(LinearFixture) data = set_up(kind, bias);
    g_autoptr(DescentRows) reduced = reduce(&data, 2);
    const double *gram_factor = reduced->factor.matrix;
    g_autofree float *rows = scaled_rows(&data);
    double largest = 0, worst = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double sum = bias >= 0 ? bias * bias : 0;
            for (int d = 0; d < D; d++)
                sum += (double)rows[(gsize)i * D + d] * rows[(gsize)j * D + d];
            double kept = product(gram_factor + (gsize)i * N, gram_factor + (gsize)j * N, (guint)j + 1);
            worst = MAX(worst, fabs(sum - kept));
            largest = MAX(largest, fabs(sum));
        }
    g_assert_cmpfloat(worst, <, 5e-12 * largest);
    for (int i = 0; i < N; i++)
        g_assert_cmpfloat(gram_factor[(gsize)i * N + i], >, 0);
}

static void test_products(void)
{
    assert_products_kept(SCALE_NONE, -1);
    assert_products_kept(SCALE_STANDARD, 1);
    assert_products_kept(SCALE_L2, 0.5);
    assert_products_kept(SCALE_MAX, 0);
}

/* Weights in the factor's basis, and those that gram_factor_weights makes of them, give the same decision values. */
static void test_weights(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_STANDARD, 2);
    g_autoptr(DescentRows) reduced = reduce(&data, 2);
    const double *gram_factor = reduced->factor.matrix;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_autofree float *rows = scaled_rows(&data), *kernel = g_new(float, D * 3);
    g_autofree double *w = g_new(double, 3 * N), *kept = NULL;
    float bias[3];
    /* w = Lᵀ alpha, as every solver's is. */
    Rng rng = rng_new(3, 4);
    memset(w, 0, 3 * N * sizeof *w);
    for (int k = 0; k < 3; k++)
        for (guint i = 0; i < N; i++)
            blas()->cblas_daxpy((int)i + 1, rng_normal(&rng), gram_factor + (gsize)i * N, 1, w + k * N, 1);
    kept = g_memdup2(w, 3 * N * sizeof *w);
    gram_factor_weights(&reduced->factor, thread_pool, w, 3, kernel, bias);
    for (int k = 0; k < 3; k++)
        for (guint i = 0; i < N; i++) {
            double value = bias[k], expected = product(gram_factor + (gsize)i * N, kept + k * N, i + 1);
            for (int d = 0; d < D; d++)
                value += (double)kernel[d * 3 + k] * rows[(gsize)i * D + d];
            g_assert_cmpfloat_with_epsilon(value, expected, 1e-5 * (1 + fabs(expected)));
        }
}

static void test_no_bias(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_NONE, -1);
    g_autoptr(DescentRows) reduced = reduce(&data, 1);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    g_autofree float *kernel = g_new(float, D);
    g_autofree double *w = g_new(double, N);
    float bias = 7;
    for (int i = 0; i < N; i++)
        w[i] = 1;
    gram_factor_weights(&reduced->factor, thread_pool, w, 1, kernel, &bias);
    g_assert_true(bias == 0);
}

static void test_threads(void)
{
    g_auto(LinearFixture) data = set_up(SCALE_STANDARD, 1);
    g_autoptr(DescentRows) one = reduce(&data, 1);
    for (guint threads = 2; threads <= 3; threads++) {
        g_autoptr(DescentRows) several = reduce(&data, threads);
        for (int i = 0; i < N; i++)
            g_assert_cmpmem(one->factor.matrix + (gsize)i * N, (gsize)(i + 1) * sizeof(double),
                            several->factor.matrix + (gsize)i * N, (gsize)(i + 1) * sizeof(double));
    }
}

static void test_zeros(void)
{
    static float zero[D];
    const float *x[] = {zero, zero};
    Rows rows_of_two = rows_in_memory(x, 2, D);
    g_autoptr(TrainingSet) set =
        training_set_new(&rows_of_two, &(TrainingSetForm){SCALE_NONE, {0}, -1, 1, 1});
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    g_autoptr(GError) error = NULL;
    g_assert_null(descent_rows_new(set, TRUE, thread_pool, &error));
    g_assert_nonnull(strstr(error->message, "all features are zero"));
}

int main(int argc, char **argv)
{
    blas_startup(1);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gram factor/the factor's rows have the images' scalar products, duplicates and all",
                    test_products);
    g_test_add_func("/gram factor/weights for the features give the same decision values", test_weights);
    g_test_add_func("/gram factor/without a bias feature nothing is added", test_no_bias);
    g_test_add_func("/gram factor/the factor is the same to the bit for any number of threads", test_threads);
    g_test_add_func("/gram factor/features that are all zero are refused", test_zeros);
    return g_test_run();
}
