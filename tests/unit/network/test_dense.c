/* A dense layer on inputs with dense and sparse features, against sums in double. */
#include "common/network/dense.h"

#include "common/network/optimizer.h"
#include "tests/unit/fixture.h"

#include <string.h>

enum { N = 70, D = 100, K = 150 }; /* none a multiple of a block */

/* Features that are never, always or randomly zero, so that one tile has dense and sparse products. */
static void draw_input(float *x)
{
    Rng rng = rng_new(4, 0);
    for (int n = 0; n < N; n++)
        for (int d = 0; d < D; d++)
            x[n * D + d] = rng_uniform(&rng) < d % 5 / 4.0 ? 0 : (float)rng_normal(&rng);
}

static void assert_near(const float *found, const double *expected, int count)
{
    for (int i = 0; i < count; i++)
        g_assert_cmpfloat_with_epsilon(found[i], expected[i], 2e-5);
}

static void check_sums(void)
{
    static float x[N * D], xt[D * N], y[N * K];
    static double forward[N * K], learnt[D * K], bias_learnt[K];
    float *dy = random_array(N * K, 1, 1, -INFINITY), *kernel = random_array(D * K, 2, 1, -INFINITY),
          *bias = random_array(K, 3, 1, -INFINITY);
    const float *rows[N];
    OptimizerStep step = {.kind = OPTIMIZER_SGD, .rate = 1};
    DenseUpdate update = {{xt, N}, dy, &step, {kernel, NULL, NULL}, {bias, NULL, NULL}};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_auto(Arena) arena = {0};
    Dense dense = make_dense(&arena, D, K, N, thread_pool);
    draw_input(x);
    for (int n = 0; n < N; n++)
        rows[n] = x + n * D;
    for (int k = 0; k < K; k++) {
        bias_learnt[k] = bias[k];
        for (int n = 0; n < N; n++) {
            forward[n * K + k] = bias[k];
            bias_learnt[k] -= dy[n * K + k];
            for (int d = 0; d < D; d++)
                forward[n * K + k] += (double)x[n * D + d] * kernel[d * K + k];
        }
        for (int d = 0; d < D; d++) {
            learnt[d * K + k] = kernel[d * K + k];
            for (int n = 0; n < N; n++)
                learnt[d * K + k] -= (double)x[n * D + d] * dy[n * K + k];
        }
    }
    dense_transpose(&dense, rows, N, xt);
    dense_forward(&dense, update.batch, kernel, bias, y);
    assert_near(y, forward, N * K);
    dense_update(&dense, &update, (DenseBatch){0}, NULL);
    assert_near(kernel, learnt, D * K);
    assert_near(bias, bias_learnt, K);
    g_free(dy);
    g_free(kernel);
    g_free(bias);
}

/* More images and units than are summed at once. */
static void check_input_gradient(void)
{
    enum { IMAGES = 140, FEATURES = 70, UNITS = 1100 };
    float *dy = random_array(IMAGES * UNITS, 1, 1, -INFINITY),
          *kernel = random_array(FEATURES * UNITS, 2, 1, -INFINITY), *dx = floats_new(IMAGES * FEATURES);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_auto(Arena) arena = {0};
    Dense dense = make_dense(&arena, FEATURES, UNITS, IMAGES, thread_pool);
    dense_input_gradient(&dense, dy, IMAGES, kernel, dx);
    for (int n = 0; n < IMAGES; n++)
        for (int d = 0; d < FEATURES; d++) {
            double sum = 0;
            for (int k = 0; k < UNITS; k++)
                sum += (double)dy[n * UNITS + k] * kernel[d * UNITS + k];
            g_assert_cmpfloat_with_epsilon(dx[n * FEATURES + d], sum, 5e-4); /* of a sum of size 33 */
        }
    g_free(dy);
    g_free(kernel);
    floats_free(dx);
}

static void the_gradient_with_respect_to_the_input_is_exact(void)
{
    with_every_isa(check_input_gradient);
}

static void what_is_zero_is_left_out_of_exact_sums(void)
{
    with_every_isa(check_sums);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dense/sums without the zeros are exact", what_is_zero_is_left_out_of_exact_sums);
    g_test_add_func("/dense/the gradient with respect to the input is exact",
                    the_gradient_with_respect_to_the_input_is_exact);
    return g_test_run();
}
