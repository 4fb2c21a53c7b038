/* layers: where the base's time goes, layer by layer.
 *
 *   build/bench/layers [THREADS [BATCH [ROUNDS [ISA]]]]
 *
 * Each convolution (with the pooling fused into it) runs as the base runs it: image by image where it is
 * wide, the whole batch at once where it is narrow. The layers alternate within a round, as in the base; the
 * median of the rounds is shown.
 *
 * What the machine can do is measured in the same rounds, by all threads at once, in time that they have run: multiply-adds
 * among registers (the peak), and reading from each cache and from memory. GFLOP/s of a layer are effective: the direct
 * convolution's operations over the time taken; those of products are what is multiplied and added in fact. A stage's ms
 * are what the threads ran for it, by their number. */
#include "common/arithmetic/caches.h"
#include "common/arithmetic/pooling.h"
#include "common/core/floats.h"
#include "common/core/rng.h"
#include "common/vgg16/base.h"
#include "common/vgg16/tiles.h"
#include "tests/bench/stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_ROUNDS = 200 };

typedef struct {
    double seconds; /* of the clock */
    StageFigures stages[STAGES];
} Round;

typedef struct {
    const Vgg16Layer *layer;
    ConvShape shape;
    ConvPlan *plan;
    StageTables tables;
    ThreadPool *thread_pool;
    float *in, *out, *pooled; /* pooled: NULL unless pooled afterwards */
    int run;                  /* images a run of the plan takes */
    Round rounds[MAX_ROUNDS];
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
    stages_watch(l->plan, &l->tables);
    l->run = batches ? batch : 1;
    l->in = filled((gsize)l->run * side * side * inputs, index, 1, 0.5f);
    l->out = floats_new((gsize)l->run * side * side * outputs);
    l->pooled = pool && batches ? floats_new((gsize)l->run * side * side / 4 * outputs) : NULL;
}

static void layer_run(Layer *l, int batch, float *scratch, Round *round)
{
    gint64 start = g_get_monotonic_time();
    stages_begin(&l->tables);
    for (int image = 0; image < batch; image += l->run) {
        conv_plan_run(l->plan, l->in, l->run, l->out, scratch);
        stages_rest();
        if (l->pooled)
            max_pooling_forward(l->thread_pool, l->pooled, l->out, l->run,
                                (int[]){l->shape.height, l->shape.width, l->shape.outputs}, 2);
    }
    stages_end(round->stages);
    round->seconds = 1e-6 * (double)(g_get_monotonic_time() - start);
}

static void layer_clear(Layer *l)
{
    conv_plan_free(l->plan);
    floats_free(l->in);
    floats_free(l->out);
    floats_free(l->pooled);
}

/* ---- The machine ---- */

enum { LEVELS = CACHE_LEVELS + 1, MEMORY_BYTES = 256 << 20 };

typedef struct {
    ThreadPool *thread_pool;
    float *memory;                       /* (MEMORY_BYTES), read by all threads */
    double (*peaks)[MAX_ROUNDS];         /* (threads, …) */
    double (*rates)[LEVELS][MAX_ROUNDS]; /* (threads, …), of the caches from the second one, then memory */
    int round;
} Machine;

/* Of each worker by a task of its own: none takes another while all are at work. */
static void measure_thread(guint task, guint worker, gpointer data)
{
    Machine *m = data;
    m->peaks[task][m->round] = peak_flops();
    for (int level = 2; level <= LEVELS; level++) {
        gsize bytes = level < LEVELS ? MIN(cache_bytes(level) / 2, (gsize)8 << 20) : MEMORY_BYTES;
        m->rates[task][level - 1][m->round] = bytes ? read_rate(m->memory, bytes) : 0;
    }
}

static void measure_machine(Machine *m, int round)
{
    m->round = round;
    thread_pool_run(m->thread_pool, thread_pool_threads(m->thread_pool), measure_thread, m);
}

/* ---- Report ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (gsize)n, sizeof *x, ascending);
    return x[n / 2];
}

/* Median by round of a figure, `offset` bytes from the start of it. */
static double median_figure(const Layer *l, int rounds, gsize offset)
{
    double x[MAX_ROUNDS];
    for (int i = 0; i < rounds; i++)
        x[i] = *(const double *)((const char *)&l->rounds[i] + offset);
    return median(x, rounds);
}

/* The medians of all figures. */
static Round median_round(const Layer *l, int rounds)
{
    Round r = l->rounds[0];
    r.seconds = median_figure(l, rounds, offsetof(Round, seconds));
    for (int stage = 0; stage < STAGES; stage++)
        r.stages[stage].seconds = median_figure(l, rounds,
                                                offsetof(Round, stages) + stage * sizeof(StageFigures) +
                                                    offsetof(StageFigures, seconds));
    return r;
}

/* A thread's, the median over rounds of the mean over threads. */
static double of_thread(double *first, gsize stride, guint threads, int rounds)
{
    double x[MAX_ROUNDS] = {0};
    for (int i = 0; i < rounds; i++)
        for (guint t = 0; t < threads; t++)
            x[i] += first[t * stride + (guint)i] / threads;
    return median(x, rounds);
}

static double report_machine(Machine *m, int rounds)
{
    guint threads = thread_pool_threads(m->thread_pool);
    double peak = of_thread(m->peaks[0], MAX_ROUNDS, threads, rounds) * 1e-9;
    printf("a thread's peak: %.1f GFLOP/s (%s); L1d %" G_GSIZE_FORMAT " KB; reads GB/s:", peak,
           isa_name(isa_current()), cache_bytes(1) >> 10);
    for (int level = 2; level <= LEVELS; level++) {
        double rate = of_thread(m->rates[0][level - 1], LEVELS * MAX_ROUNDS, threads, rounds) * 1e-9;
        if (level == LEVELS)
            printf(" memory %.1f\n", rate);
        else
            printf(" L%d (%" G_GSIZE_FORMAT " KB) %.1f,", level, cache_bytes(level) >> 10, rate);
    }
    return peak;
}

/* ms an image and rate of a stage. */
static void print_stage(const StageFigures *f, double images)
{
    if (f->work > 0)
        printf(" %9.3f %6.1f", f->seconds / images * 1e3, f->work / f->seconds * 1e-9);
    else
        printf(" %9s %6s", "", "");
}

/* flops: of the direct convolution. */
static void print_round(const Round *r, double flops, int threads, int batch, double peak)
{
    double images = (double)batch * threads;
    const StageFigures *products = &r->stages[STAGE_PRODUCTS];
    printf(" %8.3f %7.1f |", r->seconds / batch * 1e3, flops / r->seconds * 1e-9);
    print_stage(products, images);
    printf(" %5.1f %% |", 100 * products->work / products->seconds * 1e-9 / peak);
    print_stage(&r->stages[STAGE_INPUT], images);
    printf(" |");
    print_stage(&r->stages[STAGE_OUTPUT], images);
    printf(" | %7.3f", r->stages[STAGE_REST].seconds / images * 1e3);
}

static void add_round(Round *to, const Round *r)
{
    to->seconds += r->seconds;
    for (int stage = 0; stage < STAGES; stage++) {
        to->stages[stage].seconds += r->stages[stage].seconds;
        to->stages[stage].work += r->stages[stage].work;
    }
}

static void report(Layer *layers, int n, int rounds, int batch, int threads, double peak)
{
    Round all = {0};
    double all_flops = 0;
    printf("%-12s %7s %8s %6s %8s %7s | %24s | %16s | %16s | %7s\n", "", "", "", "", "", "GFLOP/s",
           "products", "input transform", "output transform", "rest");
    printf("%-12s %7s %8s %6s %8s %7s | %9s %6s %7s | %9s %6s | %9s %6s | %7s\n", "layer", "input", "C -> K",
           "tile", "ms/image", "effect.", "ms", "GF/s", "of peak", "ms", "GB/s", "ms", "GB/s", "ms");
    for (int i = 0; i < n; i++) {
        const ConvShape *s = &layers[i].shape;
        Round r = median_round(&layers[i], rounds);
        double flops = 2.0 * 9 * s->inputs * s->outputs * s->height * s->width * batch;
        all_flops += flops;
        add_round(&all, &r);
        printf("%-12s %3dx%-3d %3d->%-3d %6s", layers[i].layer->name, s->height, s->width, s->inputs,
               s->outputs, conv_tile_name(layers[i].plan->shape.tile));
        print_round(&r, flops, threads, batch, peak);
        printf("\n");
    }
    printf("%-36s", "all");
    print_round(&all, all_flops, threads, batch, peak);
    printf("\n%.1f images/s\n", batch / all.seconds);
}

static void run(Layer *layers, int n, int threads, int batch, int rounds, ThreadPool *thread_pool)
{
    gsize scratch_size = 0;
    for (int i = 0; i < n; i++)
        scratch_size = MAX(scratch_size, conv_scratch_floats(&layers[i].shape, (guint)threads));
    float *scratch = floats_new(scratch_size);
    Machine machine = {.thread_pool = thread_pool,
                       .memory = floats_new(MEMORY_BYTES / sizeof(float)),
                       .peaks = g_malloc0_n((gsize)threads, sizeof *machine.peaks),
                       .rates = g_malloc0_n((gsize)threads, sizeof *machine.rates)};
    memset(machine.memory, 1, MEMORY_BYTES);        /* untouched pages would all be one */
    for (int round = -1; round < rounds; round++) { /* the first one only warms up */
        measure_machine(&machine, MAX(round, 0));
        for (int i = 0; i < n; i++)
            layer_run(&layers[i], batch, scratch, &layers[i].rounds[MAX(round, 0)]);
    }
    printf("%s, %d thread%s, batches of %d, median of %d\n", isa_name(isa_current()), threads,
           threads > 1 ? "s" : "", batch, rounds);
    report(layers, n, rounds, batch, threads, report_machine(&machine, rounds));
    g_free(machine.peaks);
    g_free(machine.rates);
    floats_free(machine.memory);
    floats_free(scratch);
}

/* What a new cache costs once, before its first image. */
static void time_choice(ThreadPool *thread_pool)
{
    g_autoptr(Weights) weights = weights_load("random", NULL);
    gint64 start = g_get_monotonic_time();
    Tiles tiles = tiles_choose(weights, VGG16_LAYERS - 1, VGG16_SIDE, thread_pool);
    printf("choosing tiles by the weights: %.2f s, once a cache (rounding %.1e)\n",
           1e-6 * (double)(g_get_monotonic_time() - start), tiles.error);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : (int)thread_pool_processors(),
        batch = argc > 2 ? atoi(argv[2]) : BASE_DEFAULT_BATCH;
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    for (int isa = 0; argc > 4 && isa < ISA_COUNT; isa++)
        if (g_str_equal(argv[4], isa_name((IsaSet)isa)))
            isa_force((IsaSet)isa);
    if (threads < 1 || threads > MAX_THREADS || batch < 1 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: layers [THREADS [BATCH [ROUNDS [baseline|avx2|avx512]]]]\n");
        return 2;
    }
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)threads);
    static Layer layers[VGG16_CONVS];
    int n = 0;
    for (int i = 0; i < VGG16_LAYERS; i++)
        if (vgg16_layers[i].conv >= 0)
            layer_init(&layers[n++], i, batch, thread_pool);
    run(layers, n, threads, batch, rounds, thread_pool);
    time_choice(thread_pool);
    for (int i = 0; i < n; i++)
        layer_clear(&layers[i]);
    return 0;
}
