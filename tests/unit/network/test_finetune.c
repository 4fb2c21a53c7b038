/* Fine-tuning: training steps against PyTorch, gradients against finite differences, layers and parameters taken from
 * the base. */
#include "common/network/trainer.h"
#include "common/vgg16/weights.h"
#include "tests/unit/fixture.h"
#include "train/dense/unfreeze.h"
#include "train/model/layers.h"

enum { N = 5, H = 8, W = 6, C = 32, K = 64, L = 3, EVERY = 211, INPUTS = H * W * C };

typedef struct {
    float *x;
    const float *rows[N];
    int labels[N];
    Batch batch;
} BatchData;

static void batch_data_init(BatchData *e, guint salt, int step)
{
    e->x = filled(N * INPUTS, salt + (guint)step, 1);
    for (int i = 0; i < N; i++) {
        e->rows[i] = e->x + i * INPUTS;
        e->labels[i] = (i + step) % L;
    }
    e->batch = (Batch){.x = e->rows, .labels = e->labels, .n = N, .stream = (guint64)step << 24};
}

/* make_finetune.py's. */
static Network *tuned_network(void)
{
    Network *network = network_new(H, W, C);
    guint salt = 20;
    network_conv2d(network, "block5_conv2", K, 3, TRUE, ACTIVATION_RELU, NULL);
    network_conv2d(network, "block5_conv3", C, 3, TRUE, ACTIVATION_RELU, NULL);
    network_max_pooling2d(network, "block5_pool", 2, NULL);
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, L, ACTIVATION_SOFTMAX, NULL);
    network_allocate(network, NULL);
    for (guint i = 0; i < network->layers->len; i++) {
        Layer *layer = network->layers->pdata[i];
        if (!layer->kernel)
            continue;
        fill(layer->kernel, layer->kernel_count, salt++, 0.0625f);
        fill(layer->bias, layer->bias_count, salt++, 0.0625f);
    }
    return network;
}

static Optimizer plain(double rate)
{
    Optimizer sgd = optimizer_default(OPTIMIZER_SGD);
    sgd.learning_rate = rate;
    return sgd;
}

static void check_tensor(const json_t *golden, guint i, const float *now, gsize count, guint salt)
{
    g_autofree float *start = filled(count, salt, 0.0625f), *sample = g_new(float, count / EVERY + 1);
    double moved = 0, expected = json_number_value(json_array_get(json_object_get(golden, "moved"), i));
    for (gsize k = 0; k < count; k++) {
        moved += ((double)now[k] - start[k]) * ((double)now[k] - start[k]);
        sample[k / EVERY] = k % EVERY ? sample[k / EVERY] : now[k];
    }
    g_assert_cmpfloat_with_epsilon(sqrt(moved), expected, 1e-4 * expected);
    assert_close(sample, json_array_get(json_object_get(golden, "samples"), i), 1e-5);
}

static void check_steps(void)
{
    json_error_t problem;
    json_auto_t *golden = json_load_file("tests/golden/finetune.json", JSON_REJECT_DUPLICATES, &problem);
    g_assert_nonnull(golden);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_autoptr(Network) network = tuned_network();
    Optimizer sgd = plain(0.05);
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, network, &sgd, N, thread_pool);
    for (int step = 0; step < 3; step++) {
        BatchData e;
        batch_data_init(&e, (guint)json_integer_value(json_object_get(golden, "salt")), step);
        double expected = json_number_value(json_array_get(json_object_get(golden, "losses"), step));
        g_assert_cmpfloat_with_epsilon(trainer_step(trainer, &e.batch, NULL).loss / N, expected, 1e-5);
        g_free(e.x);
    }
    for (guint i = 0, tensor = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i];
        if (!layer->kernel)
            continue;
        check_tensor(golden, tensor, layer->kernel, layer->kernel_count, 20 + tensor);
        tensor++;
        check_tensor(golden, tensor, layer->bias, layer->bias_count, 20 + tensor);
        tensor++;
    }
}

static void test_steps(void)
{
    with_every_isa(check_steps);
}

static double loss_of(Network *network, ThreadPool *thread_pool, BatchData *e)
{
    Optimizer still = plain(0.1);
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, network, &still, N, thread_pool);
    return trainer_evaluate(trainer, &e->batch).loss / N;
}

/* (loss(w + h d) - loss(w - h d)) / 2h against the gradient's product with d: d is the gradient, scaled to a length
 * at which rounding errors and the kinks of ReLU and pooling are both negligible. */
static void test_finite_differences(void)
{
    BatchData e;
    Optimizer unit = plain(1);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_autoptr(Network) network = tuned_network(), stepped = network_copy(network);
    g_auto(Arena) arena = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, stepped, &unit, N, thread_pool);
    batch_data_init(&e, 40, 0);
    trainer_step(trainer, &e.batch, NULL);
    for (guint i = 0; i < network->layers->len; i++) {
        const Layer *layer = network->layers->pdata[i], *after = stepped->layers->pdata[i];
        if (!layer->kernel)
            continue;
        double square = 0, step = 0.0005;
        for (gsize k = 0; k < layer->kernel_count; k++)
            square += pow((double)layer->kernel[k] - after->kernel[k], 2);
        double loss[2], length = sqrt(square);
        for (int side = 0; side < 2; side++) {
            g_autoptr(Network) moved = network_copy(network);
            Layer *there = moved->layers->pdata[i];
            double h = (side ? -step : step) / length;
            for (gsize k = 0; k < layer->kernel_count; k++)
                there->kernel[k] += (float)(h * ((double)layer->kernel[k] - after->kernel[k]));
            loss[side] = loss_of(moved, thread_pool, &e);
        }
        g_assert_cmpfloat(length, >, 1e-3);
        g_assert_cmpfloat_with_epsilon((loss[0] - loss[1]) / (2 * step), length, 0.01 * length);
    }
    g_free(e.x);
}

static void test_unfreezing(void)
{
    g_autoptr(Weights) weights = weights_load("random:3", VGG16_LAYERS - 1, NULL);
    g_autoptr(Network) network = network_new(14, 14, 512);
    g_assert_true(vgg16_append(network, vgg16_find("block5_conv1") + 1, VGG16_LAYERS - 1, NULL));
    g_assert_cmpuint(network->layers->len, ==, 3);
    network_allocate(network, NULL);
    network_initialize(network, 42);
    unfreeze_parameters(network, weights);
    const Layer *second = network->layers->pdata[0], *third = network->layers->pdata[1];
    g_assert_cmpstr(second->name, ==, "block5_conv2");
    g_assert_cmpmem(second->kernel, second->kernel_count * sizeof(float),
                    network_find(weights->network, "block5_conv2")->kernel,
                    second->kernel_count * sizeof(float));
    g_assert_cmpmem(third->bias, third->bias_count * sizeof(float),
                    network_find(weights->network, "block5_conv3")->bias, third->bias_count * sizeof(float));
    g_assert_cmpint(((const Layer *)network->layers->pdata[2])->out[0], ==, 7);
}

static void test_scratch(void)
{
    g_autoptr(Network) network = network_new(SCRATCH_SIDE, SCRATCH_SIDE, 3);
    g_assert_true(scratch_layers(network, 0.2f, 10, NULL));
    g_assert_cmpuint(network_parameters(network), ==, 10588458);
    g_assert_cmpint(network_outputs(network), ==, 10);
}

/* The first layer with parameters frozen: it stays, and the others learn what they learn where it learns too. */
static void test_frozen_layers_stay(void)
{
    BatchData e;
    Optimizer sgd = plain(0.05);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(2);
    g_autoptr(Network) start = tuned_network(), all = network_copy(start), rest = network_copy(start);
    guint frozen = 0;
    while (!((const Layer *)rest->layers->pdata[frozen])->kernel)
        frozen++;
    ((Layer *)rest->layers->pdata[frozen])->frozen = TRUE;
    batch_data_init(&e, 40, 0);
    g_auto(Arena) arena = {0}, of_rest = {0};
    g_autoptr(Trainer) trainer = make_trainer(&arena, all, &sgd, N, thread_pool),
                       partly = make_trainer(&of_rest, rest, &sgd, N, thread_pool);
    trainer_step(trainer, &e.batch, NULL);
    trainer_step(partly, &e.batch, NULL);
    for (guint i = 0; i < rest->layers->len; i++) {
        const Layer *before = start->layers->pdata[i],
                    *expected = i == frozen ? before : all->layers->pdata[i];
        const Layer *now = rest->layers->pdata[i];
        gsize kernel = now->kernel_count * sizeof(float), bias = now->bias_count * sizeof(float);
        if (!kernel)
            continue;
        g_assert_cmpmem(now->kernel, kernel, expected->kernel, kernel);
        g_assert_cmpmem(now->bias, bias, expected->bias, bias);
        g_assert_true(memcmp(now->kernel, before->kernel, kernel) != 0 || i == frozen);
    }
    ((Layer *)rest->layers->pdata[frozen])->frozen = FALSE; /* its parameters are the network's own */
    g_free(e.x);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/finetune/three steps are PyTorch's, with every instruction set", test_steps);
    g_test_add_func("/finetune/gradients of wide convolutions are finite differences",
                    test_finite_differences);
    g_test_add_func("/finetune/unfrozen layers have the base's names and parameters", test_unfreezing);
    g_test_add_func("/scratch/the study's CNN has 10,588,458 parameters", test_scratch);
    g_test_add_func("/finetune/frozen layers stay", test_frozen_layers_stay);
    return g_test_run();
}
