/* Our side of bench_finetune.py: STEPS THREADS; the protocol is told in bench_extract.py. Fine-tuning with
 * --unfreeze 2: block5_conv3, block5_pool and the study's head on made-up activations of block5_conv2,
 * batches of 64, Adam. */
#include "common/nn/trainer.h"
#include "common/util/floats.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { BATCH = 64, BATCHES = 4, INPUTS = 14 * 14 * 512, CLASSES = 10 };

static Network *tuned_network(void)
{
    Network *network = network_new(14, 14, 512);
    network_conv2d(network, "block5_conv3", 512, 3, TRUE, ACTIVATION_RELU, NULL);
    network_max_pooling2d(network, "block5_pool", 2, NULL);
    network_flatten(network, NULL, NULL);
    network_dense(network, NULL, 4096, ACTIVATION_RELU, NULL);
    network_dense(network, NULL, 1072, ACTIVATION_RELU, NULL);
    network_dropout(network, NULL, 0.2f, NULL);
    network_dense(network, NULL, CLASSES, ACTIVATION_SOFTMAX, NULL);
    network_initialize(network, 42);
    return network;
}

static void make_batches(Batch *batches, float *x, const float **rows, int *labels)
{
    Rng rng = rng_new(1, 1);
    for (gsize i = 0; i < (gsize)BATCHES * BATCH * INPUTS; i++)
        x[i] = (float)MAX(0, 10 * rng_uniform(&rng) - 4);
    for (int i = 0; i < BATCHES * BATCH; i++) {
        rows[i] = x + (gsize)i * INPUTS;
        labels[i] = i % CLASSES;
    }
    for (guint b = 0; b < BATCHES; b++)
        batches[b] = (Batch){rows + b * BATCH, labels + b * BATCH, NULL, BATCH, (guint64)b << 24};
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s STEPS THREADS\n", argv[0]);
        return 2;
    }
    int steps = atoi(argv[1]), labels[BATCHES * BATCH];
    Batch batches[BATCHES];
    g_autofree const float **rows = g_new(const float *, BATCHES *BATCH);
    float *x = floats_new((gsize)BATCHES * BATCH * INPUTS);
    g_autoptr(Network) network = tuned_network();
    g_autoptr(Crew) crew = crew_new((guint)atoi(argv[2]));
    Optimizer adam;
    GError *error = NULL;
    optimizer_parse("adam", &adam);
    adam.learning_rate = 1e-4;
    g_autoptr(Trainer) trainer = trainer_new(network, &adam, BATCH, 42, crew, &error);
    if (!trainer)
        g_error("%s", error->message);
    make_batches(batches, x, rows, labels);
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
