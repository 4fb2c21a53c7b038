/* Networks: names, shapes, the summary, starting values. */
#include "common/vgg16/vgg16.h"
#include "tests/unit/fixture.h"

#include <string.h>

static Layer *layer_of(const Network *network, guint i)
{
    return network->layers->pdata[i];
}

/* The study's network from scratch, with output sizes 128, 126, 63, 63, 61, 30, 30, 28, 14, 14, 10, 2. */
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
    network_allocate(network, NULL);
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
    g_autoptr(Network) base = vgg16_network(VGG16_LAYERS - 1, VGG16_SIDE);
    g_autoptr(Network) network = network_new(7, 7, 512);
    network_max_pooling2d(network, "pool", 7, NULL);
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 4096, ACTIVATION_RELU, NULL);
    network_dense(network, NULL, 10, ACTIVATION_SOFTMAX, NULL);
    g_autofree char *summary = network_summary(network, "head", base);
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/network/the study's CNN has its names, sizes and 10,588,458 parameters",
                    test_study_cnn);
    g_test_add_func("/network/the summary is Keras's table", test_summary);
    g_test_add_func("/network/layers that do not fit are refused, and change nothing", test_refusals);
    g_test_add_func("/network/starting values are Glorot's, by seed", test_glorot);
    return g_test_run();
}
