/* The trainer against PyTorch (tests/golden/make_nn.py) and finite differences; predictions. */
#include "common/network/trainer.h"
#include "tests/unit/fixture.h"

static json_t *golden;

static Layer *layer_of(const Network *network, guint i)
{
    return network->layers->pdata[i];
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
    network_allocate(network, NULL);
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
} BatchData;

static void batch_data_init(BatchData *e, int step)
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
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, network, &optimizer, N, thread_pool);
    BatchData e;
    for (int step = 0; step < 4; step++) {
        batch_data_init(&e, step);
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

/* ---- tests/golden/make_keras_training.py ---- */
enum { FEATURES = 37, HIDDEN = 16, CLASSES = 4, ROWS = 8, STEPS = 6 };

/* Batch `step` of the generator; x, rows, labels: memory for it. */
static Batch keras_batch(int step, float *x, const float **rows, int *labels)
{
    int n = step == STEPS - 1 ? 5 : ROWS;
    fill(x, (gsize)n * FEATURES, 40 + (guint)step, 1);
    for (int i = 0; i < n; i++) {
        rows[i] = x + i * FEATURES;
        labels[i] = (i + step) % CLASSES;
    }
    return (Batch){rows, labels, NULL, n, (guint64)(step + 1) << 24};
}

static void check_keras_case(const json_t *expected)
{
    const char *name = json_string_value(json_object_get(expected, "name"));
    gboolean adam = g_str_equal(name, "adam"), rmsprop = g_str_equal(name, "rmsprop");
    double decay = number(expected, "decay");
    Optimizer optimizer = optimizer_default(adam      ? OPTIMIZER_ADAM
                                            : rmsprop ? OPTIMIZER_RMSPROP
                                                      : OPTIMIZER_SGD);
    optimizer.weight_decay = decay;
    optimizer.learning_rate = adam ? decay > 0 ? 0.01 : 0.001 : rmsprop ? 0.001 : 0.05;
    optimizer.momentum = !adam && decay > 0 ? 0.9 : 0;
    g_autoptr(Network) network = network_new(1, 1, FEATURES);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    Layer *layers[] = {network_dense(network, NULL, HIDDEN, ACTIVATION_RELU, NULL),
                       network_dense(network, NULL, CLASSES, ACTIVATION_SOFTMAX, NULL)};
    network_allocate(network, NULL);
    for (guint k = 0; k < 2; k++) {
        fill(layers[k]->kernel, layers[k]->kernel_count, 20 + 2 * k, 0.25f);
        fill(layers[k]->bias, layers[k]->bias_count, 21 + 2 * k, 0.25f);
    }
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, network, &optimizer, ROWS, thread_pool);
    float x[ROWS * FEATURES];
    const float *rows[ROWS];
    int labels[ROWS];
    for (int step = 0; step <= STEPS; step++) {
        Batch batch = keras_batch(step % STEPS, x, rows, labels);
        LossSum sum = step < STEPS ? trainer_step(trainer, &batch, NULL) : trainer_evaluate(trainer, &batch);
        double theirs = step < STEPS
                            ? json_number_value(json_array_get(json_object_get(expected, "losses"), step))
                            : number(expected, "validation");
        g_assert_cmpfloat_with_epsilon(sum.loss / batch.n, theirs, 2e-6);
    }
    for (guint k = 0; k < 4; k++)
        assert_close(k % 2 ? layers[k / 2]->bias : layers[k / 2]->kernel,
                     json_array_get(json_object_get(expected, "parameters"), k), 5e-6);
}

/* In float32 against float64, hence 2e-6 in losses of 1 to 2. A weight with a gradient near zero is moved by Adam and
 * RMSprop by its sign alone, and so magnifies rounding: 5e-6 where a step is 1e-3 to 1e-2. */
static void test_each_step_is_that_of_keras(void)
{
    json_t *cases = json_load_file("tests/golden/keras_training.json", JSON_REJECT_DUPLICATES, NULL);
    json_t *expected;
    size_t i;
    g_assert_cmpuint(json_array_size(cases), ==, 6);
    json_array_foreach(cases, i, expected)
    {
        check_keras_case(expected);
    }
    json_decref(cases);
}

/* Mean loss of the batch with dropout as in training: a step with learning rate 0 changes nothing. */
static double loss_at(Network *network, const BatchData *e, ThreadPool *thread_pool)
{
    Optimizer still = {OPTIMIZER_SGD, 0, 0, 0, 0, 0, 0};
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, network, &still, N, thread_pool);
    return trainer_step(trainer, &e->batch, NULL).loss / N;
}

/* The gradient of parameter p, which a step of plain SGD subtracts from it, against the slope of the loss. */
static void check_gradient(float *p, float gradient, Network *network, const BatchData *e,
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
    BatchData e;
    g_autoptr(Network) network = small_network(TRUE);
    g_autoptr(Network) stepped = network_copy(network);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(1);
    Optimizer plain = {OPTIMIZER_SGD, 1, 0, 0, 0, 0, 0};
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, stepped, &plain, N, thread_pool);
    double largest = 0;
    batch_data_init(&e, 1);
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
    network_allocate(network, NULL);
    network_initialize(network, 1);
    return network;
}

/* Three steps; with `tell`, the second is given the third as the next batch. */
static Network *train_three(Network *network, guint threads, gboolean tell)
{
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    Optimizer adam = optimizer_default(OPTIMIZER_ADAM);
    BatchData e[3];
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, network, &adam, N, thread_pool);
    for (int i = 0; i < 3; i++)
        batch_data_init(&e[i], i);
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

static void test_untrainable(void)
{
    g_autoptr(Network) linear = network_new(1, 1, 4);
    GError *error = NULL;
    g_assert_false(trainer_check(linear, &error));
    g_assert_nonnull(strstr(error->message, "no layer has parameters"));
    g_clear_error(&error);
    network_dense(linear, NULL, 2, ACTIVATION_LINEAR, NULL);
    g_assert_false(trainer_check(linear, &error));
    g_assert_nonnull(strstr(error->message, "softmax"));
    g_clear_error(&error);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    golden = load_golden();
    g_test_add_func("/trainer/four steps of a convolutional network are PyTorch's", test_training_steps);
    g_test_add_func("/trainer/each step is that of Keras, penalty included", test_each_step_is_that_of_keras);
    g_test_add_func("/trainer/gradients are the slopes of the loss, through dropout too",
                    test_finite_differences);
    g_test_add_func("/trainer/threads and knowing the next batch change no bit", test_reproducible);
    g_test_add_func("/trainer/networks that cannot be trained are refused", test_untrainable);
    g_test_add_func("/network/a prediction does not depend on the other images", test_prediction);
    int status = g_test_run();
    json_decref(golden);
    return status;
}
