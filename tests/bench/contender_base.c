/* Our side of bench_extract.py: WEIGHTS IMAGES.f32 N BATCH THREADS; for the protocol see peers.py. */
#include "common/network/executor.h"
#include "common/vgg16/base.h"
#include "common/vgg16/tiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s WEIGHTS IMAGES.f32 N BATCH THREADS\n", argv[0]);
        return 2;
    }
    int n = atoi(argv[3]), batch = atoi(argv[4]), shape[3], cut = VGG16_LAYERS - 1;
    g_autoptr(GError) error = NULL;
    g_autoptr(Weights) weights = weights_load(argv[1], VGG16_LAYERS - 1, &error);
    if (!weights)
        g_error("%s", error->message);
    g_autofree char *images = NULL;
    gsize size, image = VGG16_SIDE * VGG16_SIDE * 3;
    if (!g_file_get_contents(argv[2], &images, &size, &error) || size != n * image * sizeof(float))
        g_error("%s: %s", argv[2], error ? error->message : "not N images");
    vgg16_shape(cut, VGG16_SIDE, shape);
    gsize features = (gsize)shape[0] * shape[1] * shape[2];
    g_autofree float *out = g_new(float, n *features);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)atoi(argv[5]));
    Tiles tiles = tiles_choose(weights, cut, VGG16_SIDE, thread_pool);
    g_autoptr(Network) base = base_network(weights, tiles.m, cut, VGG16_SIDE);
    g_auto(Arena) arena = {0};
    g_autoptr(Executor) executor =
        arena_build(&arena, executor_free, executor_new(&arena, base, EXECUTOR_PREDICT, batch, thread_pool));
    g_autofree const float **rows = g_new(const float *, n);
    for (int i = 0; i < n; i++)
        rows[i] = (float *)images + i * image;
    g_clear_pointer(&weights, weights_free);
    puts("ready");
    fflush(stdout);
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        gint64 start = g_get_monotonic_time();
        for (int i = 0; i < n; i += batch)
            executor_forward(executor, rows + i, MIN(batch, n - i), NULL, out + i * features);
        double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
        g_strstrip(line);
        if (strcmp(line, "run") != 0 &&
            !g_file_set_contents(line, (char *)out, (gssize)(n * features * sizeof(float)), &error))
            g_error("%s", error->message);
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("%.6f %ld\n", seconds, usage.ru_maxrss);
        fflush(stdout);
    }
    return 0;
}
