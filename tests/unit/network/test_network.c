/* Networks: names, shapes, the summary, starting values; the trainer against PyTorch and finite differences. */
#include "common/network/network.h"
#include "common/network/trainer.h"
#include "tests/unit/nn_fixture.h"

#include <string.h>

static json_t *golden;

static Layer *layer_of(const Network *network, guint i)
{
    return network->layers->pdata[i];
}

/* The study's from-scratch CNN (FACTS: output sizes 128, 126, 63, 63, 61, 30, 30, 28, 14, 14, 10, 2). */
static Network *study_cnn(void)
{
    static const struct {
        int filters, size, pool;
    } blocks[] = {{32, 3, 2}, {64, 3, 2}, {128, 3, 2}, {512, 5, 4}};
    Network *network = network_new(128, 128, 3);
    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++) {
        network_conv2d(network, NULL, blocks[i].filters, blocks[i].size, TRUE, ACTIVATION_RELU, NULL);
        network_conv2d(network, NULL, blocks[i].filters, blocks[i].size, FALSE, ACTIVATION_RELU, NULL);
        network_max_pooling2d(network, NULL, blocks[i].pool, NULL);
        network_dropout(network, NULL, 0.25f, NULL);
    }
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 1024, ACTIVATION_RELU, NULL);
    network_dropout(network, NULL, 0.5f, NULL);
    network_dense(network, NULL, 10, ACTIVATION_SOFTMAX, NULL);
    return network;
}

static void test_study_cnn(void)
{
    static const int sides[] = {128, 126, 63, 63, 63, 61, 30, 30, 30, 28, 14, 14, 14, 10, 2, 2};
    g_autoptr(Network) network = study_cnn();
    g_assert_cmpuint(network_parameters(network), ==, 10588458);
    g_assert_cmpint(network_outputs(network), ==, 10);
    for (gsize i = 0; i < G_N_ELEMENTS(sides); i++)
        g_assert_cmpint(layer_of(network, i)->out[0], ==, sides[i]);
    g_assert_cmpstr(layer_of(network, 0)->name, ==, "conv2d");
    g_assert_cmpstr(layer_of(network, 13)->name, ==, "conv2d_7");
    g_assert_cmpstr(layer_of(network, 14)->name, ==, "max_pooling2d_3");
    g_assert_cmpstr(layer_of(network, 17)->name, ==, "dense");
    g_assert_cmpstr(layer_of(network, 19)->name, ==, "dense_1");
}

static void test_summary(void)
{
    static const int shape[] = {7, 7, 512};
    FrozenPart base = {"vgg16", shape, 14714688};
    g_autoptr(Network) network = network_new(7, 7, 512);
    network_max_pooling2d(network, "pool", 7, NULL);
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 4096, ACTIVATION_RELU, NULL);
    network_dense(network, NULL, 10, ACTIVATION_SOFTMAX, NULL);
    g_autofree char *summary = network_summary(network, "head", &base);
    g_assert_cmpstr(summary, ==,
                    "Model: \"head\"\n"
                    "_________________________________________________________________\n"
                    "Layer (type)                 Output Shape              Param #   \n"
                    "=================================================================\n"
                    "vgg16 (Functional)           (None, 7, 7, 512)         14714688  \n"
                    "pool (MaxPooling2D)          (None, 1, 1, 512)         0         \n"
                    "flatten (Flatten)            (None, 512)               0         \n"
                    "dense (Dense)                (None, 4096)              2101248   \n"
                    "dense_1 (Dense)              (None, 10)                40970     \n"
                    "=================================================================\n"
                    "Total params: 16,856,906\n"
                    "Trainable params: 2,142,218\n"
                    "Non-trainable params: 14,714,688\n"
                    "_________________________________________________________________\n");
    g_autofree char *alone = network_summary(network, "head", NULL);
    g_assert_nonnull(strstr(alone, "Total params: 2,142,218\n"));
    g_assert_null(strstr(alone, "vgg16"));
}

static void test_refusals(void)
{
    g_autoptr(Network) network = network_new(6, 6, 3);
    GError *error = NULL;
    g_assert_null(network_conv2d(network, NULL, 4, 7, FALSE, ACTIVATION_RELU, &error));
    g_assert_nonnull(strstr(error->message, "6 x 6 x 3"));
    g_clear_error(&error);
    g_assert_null(network_conv2d(network, NULL, 4, 2, TRUE, ACTIVATION_RELU, NULL));
    g_assert_null(network_conv2d(network, NULL, 0, 3, TRUE, ACTIVATION_RELU, NULL));
    g_assert_null(network_max_pooling2d(network, NULL, 7, NULL));
    g_assert_null(network_dense(network, NULL, 10, ACTIVATION_RELU, NULL));
    g_assert_null(network_dropout(network, NULL, 1, NULL));
    g_assert_cmpuint(network->layers->len, ==, 0);
    g_assert_nonnull(network_flatten(network, NULL, NULL));
    g_assert_null(network_dense(network, NULL, 0, ACTIVATION_RELU, NULL));
    g_assert_null(network_dense(network, NULL, G_MAXINT, ACTIVATION_RELU, NULL));
    g_assert_cmpuint(network->layers->len, ==, 1);
}

static void test_glorot(void)
{
    g_autoptr(Network) network = study_cnn();
    network_initialize(network, 42);
    const Layer *conv = layer_of(network, 12), *dense = layer_of(network, 17);
    double limit = sqrt(6.0 / (25.0 * (128 + 512))), largest = 0, sum = 0, squares = 0;
    for (gsize i = 0; i < conv->kernel_count; i++) {
        largest = MAX(largest, fabs(conv->kernel[i]));
        sum += conv->kernel[i];
        squares += (double)conv->kernel[i] * conv->kernel[i];
    }
    g_assert_cmpfloat(largest, <=, limit * (1 + 1e-6));
    g_assert_cmpfloat(largest, >, limit * 0.999);
    g_assert_cmpfloat(fabs(sum) / conv->kernel_count, <, limit / 100);
    g_assert_cmpfloat_with_epsilon(squares / conv->kernel_count, limit * limit / 3, limit * limit / 100);
    g_assert_cmpfloat(dense->bias[5], ==, 0);
    g_autoptr(Network) copy = network_copy(network);
    network_initialize(copy, 43);
    g_assert_cmpfloat(layer_of(copy, 17)->kernel[0], !=, dense->kernel[0]);
    network_initialize(copy, 42);
    g_assert_cmpmem(layer_of(copy, 17)->kernel, dense->kernel_count * sizeof(float), dense->kernel,
                    dense->kernel_count * sizeof(float));
}

/* ---- The network of make_nn.py's training_case ---- */
enum { N = 5, INPUTS = 8 * 9 * 2 };

static Network *small_network(gboolean dropout)
{
    guint salt = 20;
    Network *network = network_new(8, 9, 2);
    network_conv2d(network, NULL, 4, 3, TRUE, ACTIVATION_RELU, NULL);
    network_conv2d(network, NULL, 5, 3, FALSE, ACTIVATION_LINEAR, NULL);
    network_activation(network, NULL, ACTIVATION_RELU, NULL);
    network_max_pooling2d(network, NULL, 2, NULL);
    if (dropout)
        network_dropout(network, NULL, 0.25f, NULL);
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 6, ACTIVATION_RELU, NULL);
    if (dropout)
        network_dropout(network, NULL, 0.25f, NULL);
    network_dense(network, NULL, 3, ACTIVATION_SOFTMAX, NULL);
    for (guint i = 0; i < network->layers->len; i++)
        if (layer_of(network, i)->kernel) {
            fill(layer_of(network, i)->kernel, layer_of(network, i)->kernel_count, salt++, 0.25f);
            fill(layer_of(network, i)->bias, layer_of(network, i)->bias_count, salt++, 0.25f);
        }
    return network;
}

typedef struct {
    float x[N * INPUTS];
    const float *rows[N];
    int labels[N];
    Batch batch;
} Example;

static void example_init(Example *e, int step)
{
    fill(e->x, N * INPUTS, 40 + step, 1);
    for (int i = 0; i < N; i++) {
        e->rows[i] = e->x + i * INPUTS;
        e->labels[i] = (i + step) % 3;
    }
    e->batch = (Batch){e->rows, e->labels, NULL, N, (guint64)(step + 1) << 24};
}

static void test_training_steps(void)
{
    const json_t *expected = json_object_get(golden, "training");
    g_autoptr(Network) network = small_network(FALSE);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    Optimizer optimizer = {OPTIMIZER_SGD, 0.05, 0, 0, 0, 0.9, 0};
    g_autoptr(Trainer) trainer = trainer_new(network, &optimizer, N, 42, thread_pool, NULL);
    Example e;
    for (int step = 0; step < 4; step++) {
        example_init(&e, step);
        double loss = trainer_step(trainer, &e.batch, NULL).loss / N;
        g_assert_cmpfloat_with_epsilon(
            loss, json_number_value(json_array_get(json_object_get(expected, "losses"), step)), 1e-6);
    }
    gsize at = 0;
    for (guint i = 0; i < network->layers->len; i++)
        if (layer_of(network, i)->kernel) {
            assert_close(layer_of(network, i)->kernel,
                         json_array_get(json_object_get(expected, "parameters"), at++), 2e-6);
            assert_close(layer_of(network, i)->bias,
                         json_array_get(json_object_get(expected, "parameters"), at++), 2e-6);
        }
    g_assert_cmpuint(at, ==, 8);
}

/* Mean loss of the example, dropout drawn as in training: a step of rate 0 changes nothing. */
static double loss_at(Network *network, const Example *e, ThreadPool *thread_pool)
{
    Optimizer still = {OPTIMIZER_SGD, 0, 0, 0, 0, 0, 0};
    g_autoptr(Trainer) trainer = trainer_new(network, &still, N, 42, thread_pool, NULL);
    return trainer_step(trainer, &e->batch, NULL).loss / N;
}

/* The gradient of parameter p: what a step of plain SGD takes off it, against the slope of the loss. */
static void check_gradient(float *p, float gradient, Network *network, const Example *e,
                           ThreadPool *thread_pool)
{
    float was = *p, h = 1e-3f;
    *p = was + h;
    double up = loss_at(network, e, thread_pool);
    *p = was - h;
    double down = loss_at(network, e, thread_pool);
    *p = was;
    g_assert_cmpfloat_with_epsilon(gradient, (up - down) / (2 * h), 1e-3);
}

static void test_finite_differences(void)
{
    Example e;
    g_autoptr(Network) network = small_network(TRUE);
    g_autoptr(Network) stepped = network_copy(network);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    Optimizer plain = {OPTIMIZER_SGD, 1, 0, 0, 0, 0, 0};
    g_autoptr(Trainer) trainer = trainer_new(stepped, &plain, N, 42, thread_pool, NULL);
    double largest = 0;
    example_init(&e, 1);
    trainer_step(trainer, &e.batch, NULL);
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *now = layer_of(network, i), *after = layer_of(stepped, i);
        for (gsize p = 0; p < now->kernel_count; p += 3) {
            largest = MAX(largest, fabsf(now->kernel[p] - after->kernel[p]));
            check_gradient(&now->kernel[p], now->kernel[p] - after->kernel[p], network, &e, thread_pool);
        }
        for (gsize p = 0; p < now->bias_count; p++)
            check_gradient(&now->bias[p], now->bias[p] - after->bias[p], network, &e, thread_pool);
    }
    g_assert_cmpfloat(largest, >, 0.02); /* gradients large enough to be told from none */
}

/* ---- Reproducibility ---- */
static Network *flat_network(void)
{
    Network *network = network_new(8, 9, 2);
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 300, ACTIVATION_RELU, NULL);
    network_dense(network, NULL, 70, ACTIVATION_RELU, NULL);
    network_dropout(network, NULL, 0.5f, NULL);
    network_dense(network, NULL, 3, ACTIVATION_SOFTMAX, NULL);
    network_initialize(network, 1);
    return network;
}

/* Three steps; the second is told of the third where `tell` is set. */
static Network *train_three(Network *network, guint threads, gboolean tell)
{
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    Optimizer adam = optimizer_default(OPTIMIZER_ADAM);
    Example e[3];
    g_autoptr(Trainer) trainer = trainer_new(network, &adam, N, 42, thread_pool, NULL);
    for (int i = 0; i < 3; i++)
        example_init(&e[i], i);
    e[2].batch.n = 3;
    for (int i = 0; i < 3; i++)
        trainer_step(trainer, &e[i].batch, tell && i < 2 ? &e[i + 1].batch : NULL);
    return network;
}

static void assert_same(const Network *a, const Network *b)
{
    for (guint i = 0; i < a->layers->len; i++) {
        const Layer *x = layer_of(a, i), *y = layer_of(b, i);
        if (x->kernel) {
            g_assert_cmpmem(x->kernel, x->kernel_count * sizeof(float), y->kernel,
                            y->kernel_count * sizeof(float));
            g_assert_cmpmem(x->bias, x->bias_count * sizeof(float), y->bias, y->bias_count * sizeof(float));
        }
    }
}

static void test_reproducible(void)
{
    g_autoptr(Network) plain = train_three(flat_network(), 1, FALSE);
    g_autoptr(Network) ahead = train_three(flat_network(), 3, TRUE);
    g_autoptr(Network) conv = train_three(small_network(TRUE), 1, FALSE);
    g_autoptr(Network) conv_ahead = train_three(small_network(TRUE), 3, TRUE);
    assert_same(plain, ahead);
    assert_same(conv, conv_ahead);
}

static void test_prediction(void)
{
    enum { MANY = 150 };
    g_autoptr(Network) network = small_network(TRUE);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_autofree float *x = filled(MANY * INPUTS, 3, 1), *out = g_new(float, MANY * 3),
                     *trimmed = g_new(float, MANY * 3);
    const float *rows[MANY];
    for (int i = 0; i < MANY; i++)
        rows[i] = x + i * INPUTS;
    network_predict(network, thread_pool, rows, MANY, out);
    for (int i = 0; i < MANY; i++) {
        g_assert_cmpfloat_with_epsilon(out[3 * i] + out[3 * i + 1] + out[3 * i + 2], 1, 1e-6);
        network_predict(network, thread_pool, rows + i, 1, trimmed + 3 * i);
    }
    g_assert_cmpmem(out, MANY * 3 * sizeof(float), trimmed, MANY * 3 * sizeof(float));
}

static void test_untrainable(void)
{
    g_autoptr(Network) linear = network_new(1, 1, 4);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    Optimizer adam = optimizer_default(OPTIMIZER_ADAM);
    GError *error = NULL;
    g_assert_null(trainer_new(linear, &adam, 1, 0, thread_pool, &error));
    g_assert_nonnull(strstr(error->message, "no layer has parameters"));
    g_clear_error(&error);
    network_dense(linear, NULL, 2, ACTIVATION_LINEAR, NULL);
    g_assert_null(trainer_new(linear, &adam, 1, 0, thread_pool, &error));
    g_assert_nonnull(strstr(error->message, "softmax"));
    g_clear_error(&error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    golden = load_golden();
    g_test_add_func("/network/the study's CNN has its names, sizes and 10,588,458 parameters",
                    test_study_cnn);
    g_test_add_func("/network/the summary is Keras's table", test_summary);
    g_test_add_func("/network/layers that do not fit are refused, and change nothing", test_refusals);
    g_test_add_func("/network/starting values are Glorot's, by seed", test_glorot);
    g_test_add_func("/trainer/four steps of a convolutional network are PyTorch's", test_training_steps);
    g_test_add_func("/trainer/gradients are the slopes of the loss, through dropout too",
                    test_finite_differences);
    g_test_add_func("/trainer/threads and knowing the next batch change no bit", test_reproducible);
    g_test_add_func("/trainer/networks that cannot be trained are refused", test_untrainable);
    g_test_add_func("/network/a prediction does not depend on its company", test_prediction);
    int status = g_test_run();
    json_decref(golden);
    return status;
}
