/* Layers forward and backward against PyTorch in double precision: tests/golden/make_nn.py. */
#include "common/arithmetic/conv.h"
#include "common/arithmetic/pooling.h"
#include "common/core/floats.h"
#include "common/network/dense.h"
#include "common/network/layers.h"
#include "common/network/optimizer.h"
#include "common/network/scores.h"
#include "tests/unit/fixture.h"

#include <string.h>

static json_t *golden;

static const json_t *cases(const char *kind)
{
    return json_object_get(golden, kind);
}

static void read_input(const json_t *c, int in[3])
{
    for (int i = 0; i < 3; i++)
        in[i] = (int)json_integer_value(json_array_get(json_object_get(c, "input"), i));
}

static void check_convolution(const json_t *c)
{
    int n = integer(c, "n"), size = integer(c, "size"), in[3];
    read_input(c, in);
    ConvShape conv = {.height = in[0],
                      .width = in[1],
                      .inputs = in[2],
                      .outputs = integer(c, "filters"),
                      .size = size,
                      .pad = json_is_true(json_object_get(c, "same")) ? size / 2 : 0};
    gsize inputs = n * conv_inputs(&conv), outputs = n * conv_outputs(&conv);
    gsize parameters = conv_weights(&conv);
    g_autofree float *x = filled(inputs, 1, 1), *kernel = filled(parameters, 2, 1),
                     *bias = filled(conv.outputs, 3, 1);
    g_autofree float *dy = filled(outputs, 4, 1), *y = g_new(float, outputs), *dx = g_new(float, inputs);
    g_autofree float *dkernel = g_new(float, parameters), *dbias = g_new(float, conv.outputs);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_auto(Arena) arena = {0};
    g_autoptr(ConvPlan) layer = make_plan(&arena, &conv, CONV_BOTH_GRADIENTS, thread_pool);
    conv_plan_set_weights(layer, kernel, bias);
    conv_plan_run(layer, x, n, y);
    conv_plan_bias_gradient(layer, dbias, dy, y, n);
    conv_plan_kernel_gradient(layer, dkernel, x, dy, n);
    conv_plan_input_gradient(layer, dx, dy, n);
    assert_close(y, json_object_get(c, "y"), 1e-6);
    assert_close(dx, json_object_get(c, "dx"), 1e-6);
    assert_close(dkernel, json_object_get(c, "dkernel"), 1e-6);
    assert_close(dbias, json_object_get(c, "dbias"), 1e-6);
}

static void test_convolution(void)
{
    gsize i;
    json_t *c;
    json_array_foreach(cases("convolution"), i, c) check_convolution(c);
}

static void test_pooling(void)
{
    gsize i;
    json_t *c;
    json_array_foreach(cases("pooling"), i, c)
    {
        int n = integer(c, "n"), size = integer(c, "size"), in[3];
        read_input(c, in);
        gsize inputs = (gsize)n * in[0] * in[1] * in[2],
              outputs = (gsize)n * (in[0] / size) * (in[1] / size) * in[2];
        g_autofree float *x = filled(inputs, 5, 1), *dy = filled(outputs, 6, 1);
        g_autofree float *y = g_new(float, outputs), *dx = g_new(float, inputs);
        g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
        max_pooling(thread_pool, y, NULL, x, n, in, size);
        max_pooling(thread_pool, dx, dy, x, n, in, size);
        assert_close(y, json_object_get(c, "y"), 1e-9);
        assert_close(dx, json_object_get(c, "dx"), 1e-9);
    }
}

/* The gradient of a dense layer is what plain SGD of rate 1 subtracts from its weights. */
static void check_dense(const json_t *c)
{
    int n = integer(c, "n"), d = integer(c, "features"), k = integer(c, "units"), ld = n + 3;
    g_autofree float *x = filled((gsize)n * d, 7, 1), *kernel = filled((gsize)d * k, 8, 1),
                     *bias = filled(k, 9, 1);
    g_autofree float *dy = filled((gsize)n * k, 10, 1), *xt = g_new0(float, (gsize)d *ld);
    g_autofree float *y = g_new(float, n *k), *again = g_new(float, n *k), *dx = g_new(float, n *d);
    g_autofree float *was = g_memdup2(kernel, (gsize)d * k * sizeof(float)),
                     *bias_was = g_memdup2(bias, k * sizeof(float));
    g_autofree const float **rows = g_new(const float *, n);
    OptimizerStep step = {.kind = OPTIMIZER_SGD, .rate = 1};
    DenseUpdate update = {{xt, n}, dy, &step, {kernel, NULL, NULL}, {bias, NULL, NULL}};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_auto(Arena) arena = {0};
    Dense dense = make_dense(&arena, d, k, ld, thread_pool);
    for (int i = 0; i < n; i++)
        rows[i] = x + (gsize)i * d;
    dense_transpose(&dense, rows, n, xt);
    dense_forward(&dense, update.batch, kernel, bias, y);
    dense_input_gradient(&dense, dy, n, kernel, dx);
    assert_close(y, json_object_get(c, "y"), 1e-6);
    assert_close(dx, json_object_get(c, "dx"), 1e-6);
    dense_update(&dense, &update, update.batch, again);
    dense_forward(&dense, update.batch, kernel, bias, y);
    g_assert_cmpmem(y, (gsize)n * k * sizeof(float), again, (gsize)n * k * sizeof(float));
    for (int i = 0; i < d * k; i++)
        was[i] -= kernel[i];
    for (int i = 0; i < k; i++)
        bias_was[i] -= bias[i];
    assert_close(was, json_object_get(c, "dkernel"), 2e-6);
    assert_close(bias_was, json_object_get(c, "dbias"), 2e-6);
}

static void check_dense_cases(void)
{
    gsize i;
    json_t *c;
    json_array_foreach(cases("dense"), i, c) check_dense(c);
}

static void test_dense(void)
{
    with_every_isa(check_dense_cases);
}

static void test_loss(void)
{
    gsize index;
    json_t *c;
    json_array_foreach(cases("loss"), index, c)
    {
        int n = integer(c, "n"), classes = integer(c, "classes"), labels[16];
        float weights[16];
        g_autofree float *logits = filled((gsize)n * classes, 11, (float)number(c, "scale"));
        g_autofree float *out = g_new(float, n *classes);
        for (int i = 0; i < n; i++) {
            labels[i] = i * 7 % classes;
            weights[i] = (float)(i % 3) + 0.5f;
        }
        LossSum sum = cross_entropy(out, logits, labels, weights, n, classes);
        g_assert_cmpfloat_with_epsilon(sum.loss, number(c, "loss"), 1e-6 * MAX(1, number(c, "loss")));
        assert_close(out, json_object_get(c, "dlogits"), 1e-6);
        scores_rows(scores_softmax, logits, (guint)n, (guint)classes, out);
        assert_close(out, json_object_get(c, "probabilities"), 1e-6);
    }
}

static void test_loss_at_the_edges(void)
{
    const float logits[] = {1e30f, -1e30f, 0, 5, 5, 5, NAN, 0, 0};
    const int labels[] = {0, 0, 1};
    LossSum certain = cross_entropy(NULL, logits, labels, NULL, 1, 3);
    g_assert_cmpfloat(certain.loss, ==, 0);
    g_assert_cmpuint(certain.correct, ==, 1);
    LossSum tie = cross_entropy(NULL, logits + 3, labels + 1, NULL, 1, 3);
    g_assert_cmpfloat_with_epsilon(tie.loss, log(3), 1e-12);
    g_assert_cmpuint(tie.correct, ==, 1);
    g_assert_true(isnan(cross_entropy(NULL, logits + 6, labels + 2, NULL, 1, 3).loss));
}

static void test_relu(void)
{
    float x[] = {-1, 0, 2, NAN, -0.0f}, dy[] = {1, 1, 1, 1, 1};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    relu(thread_pool, x, NULL, 5);
    g_assert_true(x[0] == 0 && x[1] == 0 && x[2] == 2 && isnan(x[3]) && x[4] == 0);
    relu(thread_pool, dy, x, 5);
    g_assert_true(dy[0] == 0 && dy[1] == 0 && dy[2] == 1 && dy[4] == 0);
}

static void test_unit_length(void)
{
    const float x[] = {3, 0, -4, 0, 0, 0}, dy[] = {1, 1, 1, 1, 1, 1};
    float y[6], dx[6];
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    unit_length(thread_pool, y, NULL, x, 2, 3, FALSE);
    g_assert_cmpfloat_with_epsilon(y[0], 0.6f, 1e-7);
    g_assert_cmpfloat_with_epsilon(y[2], -0.8f, 1e-7);
    g_assert_true(y[1] == 0 && y[3] == 0 && y[5] == 0);
    unit_length(thread_pool, y, NULL, x, 2, 3, TRUE);
    g_assert_cmpfloat_with_epsilon(y[0], sqrt(3.0 / 7), 1e-7);
    g_assert_cmpfloat_with_epsilon(y[2], -sqrt(4.0 / 7), 1e-7);
    unit_length(thread_pool, dx, dy, x, 2, 3, TRUE);
    g_assert_true(dx[1] == 0 && dx[3] == 0 && isfinite(dx[0]) && dx[0] != 0);
}

enum { IMAGES = 64, UNITS = 500 };

static guint dropped(const float *x, gsize count)
{
    guint zeros = 0;
    for (gsize i = 0; i < count; i++)
        zeros += x[i] == 0;
    return zeros;
}

static void test_dropout(void)
{
    gsize count = (gsize)IMAGES * UNITS;
    g_autofree float *x = g_new(float, count), *again = g_new(float, count), *other = g_new(float, count);
    g_autoptr(ThreadPool) one = thread_pool_new(1);
    g_autoptr(ThreadPool) four = thread_pool_new(4);
    for (gsize i = 0; i < count; i++)
        x[i] = again[i] = other[i] = 1;
    dropout(one, x, IMAGES, UNITS, 0.2f, 42, 7 << 24);
    dropout(four, again, IMAGES, UNITS, 0.2f, 42, 7 << 24);
    dropout(four, other, IMAGES, UNITS, 0.2f, 42, 8 << 24);
    g_assert_cmpmem(x, count * sizeof(float), again, count * sizeof(float));
    g_assert_cmpint(memcmp(x, other, count * sizeof(float)), !=, 0);
    /* 6,400 expected of 32,000, with a standard deviation of 72 */
    g_assert_cmpuint(dropped(x, count), >, 6400 - 5 * 72);
    g_assert_cmpuint(dropped(x, count), <, 6400 + 5 * 72);
    for (gsize i = 0; i < count; i++)
        g_assert_true(x[i] == 0 || x[i] == 1.25f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    golden = load_golden();
    g_test_add_func("/layers/convolution and its gradients are PyTorch's", test_convolution);
    g_test_add_func("/layers/max-pooling and its gradient are PyTorch's", test_pooling);
    g_test_add_func("/layers/dense, its gradients and the joined pass are right on every instruction set",
                    test_dense);
    g_test_add_func("/layers/softmax and cross-entropy are PyTorch's, at logits of a thousand too",
                    test_loss);
    g_test_add_func("/layers/cross-entropy is exact where certain, fair in a tie, NaN for NaN",
                    test_loss_at_the_edges);
    g_test_add_func("/layers/ReLU keeps NaN and passes no gradient where it gave zero", test_relu);
    g_test_add_func("/layers/unit length is by image, zeros stay, a root at zero passes nothing",
                    test_unit_length);
    g_test_add_func("/layers/dropout drops its share, by seed and stream only", test_dropout);
    int status = g_test_run();
    json_decref(golden);
    return status;
}
