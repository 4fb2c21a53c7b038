/* layers: where the base's time goes, layer by layer.
 *
 *   build/bench/layers [THREADS [BATCH [ROUNDS [ISA]]]]
 *
 * Each convolution (with the pooling fused into it) runs as the base runs it: image by image where it is
 * wide, the whole batch at once where it is narrow. The layers alternate within a round, as in the base; the
 * median of the rounds is shown. GFLOP/s are effective: the direct convolution's operations over the time
 * taken. */
#include "common/arithmetic/conv.h"
#include "common/arithmetic/isa.h"
#include "common/arithmetic/pooling.h"
#include "common/core/floats.h"
#include "common/core/rng.h"
#include "common/vgg16/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ROUNDS = 1000 };

typedef struct {
    const Vgg16Layer *layer;
    ConvShape shape;
    ConvPlan *plan;
    ThreadPool *thread_pool;
    float *in, *out, *pooled; /* pooled: NULL unless pooled afterwards */
    int run;                  /* images a run of the plan takes */
    double seconds[MAX_ROUNDS];
} Layer;

static float *filled(gsize n, guint64 stream, float scale, float shift)
{
    Rng rng = rng_new(0, stream);
    float *x = floats_new(n);
    for (gsize i = 0; i < n; i++)
        x[i] = scale * ((float)rng_uniform(&rng) - 0.5f) + shift;
    return x;
}

static void layer_init(Layer *l, int index, int batch, ThreadPool *thread_pool)
{
    l->layer = &vgg16_layers[index];
    int side = VGG16_SIDE / l->layer->shrink, inputs = l->layer->inputs, outputs = l->layer->outputs;
    gboolean pool = vgg16_layers[index + 1].conv < 0;
    l->shape = (ConvShape){side, side, inputs, outputs, TRUE, FALSE, 3, 1, 0, FALSE};
    gboolean batches = conv_wants_batch(&l->shape);
    l->shape.pool = pool && !batches;
    l->thread_pool = thread_pool;
    l->plan = conv_plan_new(&l->shape, PRECISION_FLOAT32, thread_pool);
    gsize taps = (gsize)9 * inputs * outputs;
    float *kernel = filled(taps, index, 4.0f / sqrtf(9.0f * inputs), 0),
          *bias = filled(outputs, index, 0.02f, 0.01f);
    conv_plan_set_weights(l->plan, kernel, bias);
    floats_free(kernel);
    floats_free(bias);
    l->run = batches ? batch : 1;
    l->in = filled((gsize)l->run * side * side * inputs, index, 1, 0.5f);
    l->out = floats_new((gsize)l->run * side * side * outputs);
    l->pooled = pool && batches ? floats_new((gsize)l->run * side * side / 4 * outputs) : NULL;
}

static void layer_run(Layer *l, float *scratch)
{
    conv_plan_run(l->plan, l->in, l->run, l->out, scratch);
    if (l->pooled)
        max_pooling_forward(l->thread_pool, l->pooled, l->out, l->run,
                            (int[]){l->shape.height, l->shape.width, l->shape.outputs}, 2);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(Layer *layers, int n, int rounds, int batch)
{
    double total = 0, flops = 0;
    for (int i = 0; i < n; i++) {
        qsort(layers[i].seconds, rounds, sizeof(double), ascending);
        total += layers[i].seconds[rounds / 2];
    }
    printf("%-13s %9s %9s %6s %10s %7s\n", "layer", "input", "C -> K", "tile", "ms/image", "GFLOP/s");
    for (int i = 0; i < n; i++) {
        const ConvShape *s = &layers[i].shape;
        double work = 2.0 * 9 * s->inputs * s->outputs * s->height * s->width * batch;
        double seconds = layers[i].seconds[rounds / 2];
        flops += work;
        printf("%-13s %4dx%-4d %4d->%-4d %6s %9.3f %9.1f %5.1f %%\n", layers[i].layer->name, s->height,
               s->width, s->inputs, s->outputs, conv_tile_name(conv_tile(s, CONV_LARGEST_TILE)),
               seconds / batch * 1e3, work / seconds * 1e-9, 100 * seconds / total);
    }
    printf("%-31s %16.3f %9.1f   %.1f images/s\n", "all", total / batch * 1e3, flops / total * 1e-9,
           batch / total);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : (int)thread_pool_processors(),
        batch = argc > 2 ? atoi(argv[2]) : BASE_DEFAULT_BATCH;
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    for (int isa = 0; argc > 4 && isa < ISA_COUNT; isa++)
        if (g_str_equal(argv[4], isa_name((IsaSet)isa)))
            isa_force((IsaSet)isa);
    if (threads < 1 || batch < 1 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: layers [THREADS [BATCH [ROUNDS [baseline|avx2|avx512]]]]\n");
        return 2;
    }
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)threads);
    static Layer layers[VGG16_CONVS];
    gsize scratch_size = 0;
    int n = 0;
    for (int i = 0; i < VGG16_LAYERS; i++)
        if (vgg16_layers[i].conv >= 0) {
            layer_init(&layers[n], i, batch, thread_pool);
            gsize size = conv_scratch_floats(&layers[n].shape, (guint)threads);
            scratch_size = MAX(scratch_size, size);
            n++;
        }
    float *scratch = floats_new(scratch_size);
    for (int round = -1; round < rounds; round++) /* the first one only warms up */
        for (int i = 0; i < n; i++) {
            gint64 start = g_get_monotonic_time();
            for (int image = 0; image < batch; image += layers[i].run)
                layer_run(&layers[i], scratch);
            layers[i].seconds[MAX(round, 0)] = 1e-6 * (double)(g_get_monotonic_time() - start);
        }
    printf("%s, %d thread%s, batches of %d, median of %d\n", isa_name(isa_current()), threads,
           threads > 1 ? "s" : "", batch, rounds);
    report(layers, n, rounds, batch);
    for (int i = 0; i < n; i++) {
        conv_plan_free(layers[i].plan);
        floats_free(layers[i].in);
        floats_free(layers[i].out);
        floats_free(layers[i].pooled);
    }
    floats_free(scratch);
    return 0;
}
