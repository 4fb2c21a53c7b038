/* Gradients of logits with respect to a network's input, against finite differences of its predictions. */
#include "tests/unit/fixture.h"

enum { D = 40, L = 4, N = 3 };

static void fill_layers(Network *network)
{
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        if (layer->kernel) {
            fill(layer->kernel, layer->kernel_count, i + 1, 0.4f);
            fill(layer->bias, layer->bias_count, i + 20, 0.3f);
        }
    }
}

/* Layers before the dense ones. */
typedef enum { NOTHING, CONVOLUTION, AVERAGE, UNIT, UNIT_OF_ROOTS } Before;

/* ReLUs within layers and as separate layers; the softmax, if any, does not affect the logits. */
static Network *head(Before before, Activation last)
{
    Network *network = network_new(2, 2, D / 4);
    if (before == CONVOLUTION || before == AVERAGE)
        network_conv2d(network, NULL, 24, 3, TRUE, ACTIVATION_LINEAR, NULL);
    if (before == AVERAGE)
        network_append(network, &(Layer){.kind = LAYER_GLOBAL_AVERAGE_POOLING2D}, NULL);
    network_flatten(network, NULL, NULL);
    if (before >= UNIT)
        network_append(network, &(Layer){.kind = LAYER_UNIT_NORMALIZATION, .root = before == UNIT_OF_ROOTS},
                       NULL);
    network_dense(network, NULL, 17, ACTIVATION_RELU, NULL);
    network_dropout(network, NULL, 0.5f, NULL);
    network_dense(network, NULL, 9, ACTIVATION_LINEAR, NULL);
    network_activation(network, NULL, ACTIVATION_RELU, NULL);
    g_assert_nonnull(network_dense(network, NULL, L, last, NULL));
    network_allocate(network, NULL);
    fill_layers(network);
    return network;
}

static void check_differences(Before before)
{
    const float step = 1.0f / 256;
    const int outputs[N] = {2, 0, 3};
    g_autoptr(Network) plain = head(before, ACTIVATION_LINEAR), softmaxed = head(before, ACTIVATION_SOFTMAX);
    g_autoptr(ThreadPool) pool = thread_pool_new(2);
    float x[N][D], logits[N * L], gradients[N * D], predicted[L], low[L], high[L];
    const float *rows[N] = {x[0], x[1], x[2]};
    for (guint i = 0; i < N; i++)
        fill(x[i], D, 30 + i, 1);
    for (guint i = 0; i < N * D; i++) /* away from the kink of a root */
        x[i / D][i % D] += copysignf(before >= UNIT ? 0.25f : 0, x[i / D][i % D]);
    g_assert_true(network_is_dense(softmaxed) == (before == NOTHING));
    network_gradients(softmaxed, pool, rows, N, outputs, logits, gradients);
    for (guint i = 0; i < N; i++) {
        double largest = 0;
        network_predict(plain, pool, rows + i, 1, predicted);
        for (guint k = 0; k < L; k++)
            g_assert_cmpfloat_with_epsilon(logits[i * L + k], predicted[k], 1e-5);
        for (guint j = 0; j < D; j++) {
            float kept = x[i][j];
            x[i][j] = kept - step;
            network_predict(plain, pool, rows + i, 1, low);
            x[i][j] = kept + step;
            network_predict(plain, pool, rows + i, 1, high);
            x[i][j] = kept;
            double slope = ((double)high[outputs[i]] - (double)low[outputs[i]]) / (2 * (double)step);
            g_assert_cmpfloat_with_epsilon((double)gradients[i * D + j], slope, before >= UNIT ? 2e-5 : 2e-4);
            largest = MAX(largest, fabs(slope));
        }
        g_assert_cmpfloat(largest, >, before >= UNIT ? 0.005 : before == AVERAGE ? 0.02 : 0.05);
    }
}

static void test_finite_differences(void)
{
    check_differences(NOTHING);
}

static void test_through_a_convolution(void)
{
    check_differences(CONVOLUTION);
}

static void test_through_an_average(void)
{
    check_differences(AVERAGE);
}

static void test_through_unit_lengths(void)
{
    check_differences(UNIT);
    check_differences(UNIT_OF_ROOTS);
}

static void test_other_layers(void)
{
    g_autoptr(Network) pooled = network_new(4, 4, 2), empty = network_new(1, 1, 8);
    network_max_pooling2d(pooled, NULL, 2, NULL);
    network_flatten(pooled, NULL, NULL);
    network_dense(pooled, NULL, L, ACTIVATION_LINEAR, NULL);
    g_assert_false(network_is_dense(pooled));
    g_assert_false(network_is_dense(empty));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gradient/is that of finite differences", test_finite_differences);
    g_test_add_func("/gradient/passes through a convolution", test_through_a_convolution);
    g_test_add_func("/gradient/passes through an average", test_through_an_average);
    g_test_add_func("/gradient/passes through unit lengths, of values and of roots",
                    test_through_unit_lengths);
    g_test_add_func("/gradient/tells networks of dense layers from others", test_other_layers);
    return g_test_run();
}
