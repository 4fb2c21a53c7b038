/* Our side of bench_train.py: head|finetune|scratch STEPS THREADS; for the protocol see peers.py. The study's head, or
 * block5_conv3, block5_pool and that head, on generated activations, 85 % of them zero, as the published base's are; or the
 * network from scratch on generated images. Batches of 64, Adam. */
#include "common/core/floats.h"
#include "common/network/trainer.h"
#include "train/model/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { BATCH = 64, BATCHES = 4, CLASSES = 10 };

static Network *study_network(gboolean finetune)
{
    int side = finetune ? 14 : 7;
    Network *network = network_new(side, side, 512);
    if (finetune) {
        network_conv2d(network, "block5_conv3", 512, 3, TRUE, ACTIVATION_RELU, NULL);
        network_max_pooling2d(network, "block5_pool", 2, NULL);
    }
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 4096, ACTIVATION_RELU, NULL);
    network_dense(network, NULL, 1072, ACTIVATION_RELU, NULL);
    network_dropout(network, NULL, 0.2f, NULL);
    network_dense(network, NULL, CLASSES, ACTIVATION_SOFTMAX, NULL);
    return network;
}

static Network *scratch_network(void)
{
    Network *network = network_new(SCRATCH_SIDE, SCRATCH_SIDE, 3);
    scratch_layers(network, 0.2f, CLASSES, NULL);
    return network;
}

static void make_batches(Batch *batches, float *x, gsize inputs, gboolean images, const float **rows,
                         int *labels)
{
    Rng rng = rng_new(1, 1);
    for (gsize i = 0; i < (gsize)BATCHES * BATCH * inputs; i++) {
        double value = rng_uniform(&rng);
        x[i] = (float)(images ? value : MAX(0, 10 * value - 8.5));
    }
    for (int i = 0; i < BATCHES * BATCH; i++) {
        rows[i] = x + (gsize)i * inputs;
        labels[i] = i % CLASSES;
    }
    for (guint b = 0; b < BATCHES; b++)
        batches[b] = (Batch){rows + b * BATCH, labels + b * BATCH, NULL, BATCH, (guint64)b << 24};
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s head|finetune|scratch STEPS THREADS\n", argv[0]);
        return 2;
    }
    int steps = atoi(argv[2]), labels[BATCHES * BATCH];
    Batch batches[BATCHES];
    g_autofree const float **rows = g_new(const float *, BATCHES *BATCH);
    gboolean scratch = g_str_equal(argv[1], "scratch");
    g_autoptr(Network) network =
        scratch ? scratch_network() : study_network(g_str_equal(argv[1], "finetune"));
    network_allocate(network, NULL);
    network_initialize(network, 42);
    gsize inputs = (gsize)network->input[0] * network->input[1] * network->input[2];
    float *x = floats_new((gsize)BATCHES * BATCH * inputs);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)atoi(argv[3]));
    Optimizer adam = optimizer_default(OPTIMIZER_ADAM);
    g_auto(Arena) arena = {0};
    adam.learning_rate = 1e-4;
    g_autoptr(Trainer) trainer =
        arena_build(&arena, trainer_free, trainer_new(&arena, network, &adam, BATCH, 42, thread_pool));
    make_batches(batches, x, inputs, scratch, rows, labels);
    puts("ready");
    fflush(stdout);
    char line[64];
    struct rusage usage;
    while (fgets(line, sizeof line, stdin)) {
        gint64 start = g_get_monotonic_time();
        for (int s = 0; s < steps; s++)
            trainer_step(trainer, &batches[s % BATCHES], s + 1 < steps ? &batches[(s + 1) % BATCHES] : NULL);
        double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
        getrusage(RUSAGE_SELF, &usage);
        printf("%.6f %ld\n", seconds, usage.ru_maxrss);
        fflush(stdout);
    }
    floats_free(x);
    return 0;
}
