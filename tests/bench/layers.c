/* layers: the time of the base's layers and their stages, and its share of what the machine can do.
 *
 *   build/bench/layers [THREADS [BATCH [ROUNDS [ISA [LAYER]]]]]
 *
 * Each convolution (with the pooling fused into it) runs as in the base: image by image if it is wide, the whole batch
 * at once if it is narrow. The layers alternate within a round, as in the base; medians of the rounds are printed. A
 * stage's ms are the time that the threads ran for it, divided by their number; "rest" is what belongs to no stage:
 * waiting, starting, pooling that is not fused.
 *
 * The machine's limits are measured in the same rounds, by all threads at once, in the time that they ran:
 *
 *     peak     multiply-adds in registers. Products are compared with it by the multiply-adds actually done; GFLOP/s of
 *              a layer are effective: the direct convolution's operations divided by the time
 *     rates    reading arrays of several sizes repeatedly, from one that fits into an L2 cache to one that only fits
 *              into memory. A stage is compared with them by the minimum time for its bytes, those of each array at the
 *              rate of the next larger size:
 *
 *     input transform     reads the input once, writes V, the transformed tiles
 *     products            read V once per slice of output channels, U, the transformed kernels, once per block of
 *                         tiles, and write M, which further runs of channels read and write again
 *     output transform    reads M, writes the output once
 *
 * A byte written counts as a byte read, although its cache line may have to be fetched first. M, and V of a wide layer,
 * belong to a task and share a cache, so both have the size of all that a task holds. A layer that is computed directly
 * has one stage, which reads the input and writes the output. */
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
    StageMetrics stages[STAGES];
} Round;

typedef struct {
    const Vgg16Layer *layer;
    ConvShape shape;
    Arena arena;
    ConvPlan *plan;
    StageTables tables;
    ThreadPool *thread_pool;
    float *in, *out, *pooled; /* pooled: NULL unless pooled afterwards */
    int run;                  /* images per run of the plan */
    gsize sizes[ARRAYS];      /* bytes used by a run, which determine the cache that an array is in */
    Round rounds[MAX_ROUNDS];
} BenchLayer;

static float *filled(gsize n, guint64 stream, float scale, float shift)
{
    Rng rng = rng_new(0, stream);
    float *x = floats_new(n);
    for (gsize i = 0; i < n; i++)
        x[i] = scale * ((float)rng_uniform(&rng) - 0.5f) + shift;
    return x;
}

static void find_sizes(BenchLayer *l)
{
    const ConvPlan *plan = l->plan;
    const ConvShape *shape = &l->shape;
    gsize pixels = (gsize)l->run * shape->height * shape->width, own = plan->worker_floats;
    gsize tiles = (gsize)l->run * plan->tiles_y * plan->tiles_x;
    gsize shared = MIN(plan->shared_floats, tiles * plan->positions * shape->inputs);
    const gsize floats[ARRAYS] = {[ARRAY_INPUT] = pixels * shape->inputs,
                                  [ARRAY_V] = shared ? shared : own,
                                  [ARRAY_U] = plan->weight_floats,
                                  [ARRAY_M] = own,
                                  [ARRAY_OUTPUT] = pixels * shape->outputs / (shape->pool ? 4 : 1)};
    for (int array = 0; array < ARRAYS; array++)
        l->sizes[array] = floats[array] * sizeof(float);
}

static void layer_init(BenchLayer *l, int index, int batch, ThreadPool *thread_pool)
{
    l->layer = &vgg16_layers[index];
    int side = VGG16_SIDE / l->layer->shrink, inputs = l->layer->inputs, outputs = l->layer->outputs;
    gboolean pool = vgg16_layers[index + 1].conv < 0;
    l->shape = (ConvShape){side, side, inputs, outputs, TRUE, FALSE, 3, 1, 0, FALSE, FALSE};
    gboolean batches = conv_wants_batch(&l->shape);
    l->shape.pool = pool && !batches;
    l->thread_pool = thread_pool;
    l->plan = arena_build(&l->arena, conv_plan_free,
                          conv_plan_new(&l->arena, &l->shape, CONV_FORWARD, thread_pool));
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
    find_sizes(l);
}

static void layer_run(BenchLayer *l, int batch, Round *round)
{
    gint64 start = g_get_monotonic_time();
    stages_begin(&l->tables);
    for (int image = 0; image < batch; image += l->run) {
        conv_plan_run(l->plan, l->in, l->run, l->out);
        stages_rest();
        if (l->pooled)
            max_pooling(l->thread_pool, l->pooled, NULL, l->out, l->run,
                        (int[]){l->shape.height, l->shape.width, l->shape.outputs}, 2);
    }
    stages_end(round->stages);
    gboolean direct = !l->plan->winograd;
    double runs = (double)batch / l->run; /* all of them whole */
    round->stages[direct ? STAGE_PRODUCTS : STAGE_INPUT].bytes[ARRAY_INPUT] = runs * l->sizes[ARRAY_INPUT];
    round->stages[direct ? STAGE_PRODUCTS : STAGE_OUTPUT].bytes[ARRAY_OUTPUT] = runs * l->sizes[ARRAY_OUTPUT];
    round->seconds = 1e-6 * (double)(g_get_monotonic_time() - start);
}

static void layer_clear(BenchLayer *l)
{
    conv_plan_free(l->plan);
    arena_clear(&l->arena);
    floats_free(l->in);
    floats_free(l->out);
    floats_free(l->pooled);
}

/* ---- The machine ---- */

/* Sizes for which reading is measured: powers of two from a quarter of a MB. */
enum { SMALLEST = 1 << 18, SIZES = 11, MEMORY_BYTES = SMALLEST << (SIZES - 1) };

typedef struct {
    ThreadPool *thread_pool;
    float *memory;                      /* (MEMORY_BYTES), read by all threads */
    double (*peaks)[MAX_ROUNDS];        /* (threads, …) */
    double (*rates)[SIZES][MAX_ROUNDS]; /* (threads, …) */
    int round;
} Machine;

/* One task per worker: none takes a second one while all are busy. */
static void measure_thread(guint task, guint worker, gpointer data)
{
    Machine *m = data;
    m->peaks[task][m->round] = peak_flops();
    for (int size = 0; size < SIZES; size++)
        m->rates[task][size][m->round] = read_rate(m->memory, (gsize)SMALLEST << size);
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

/* Median over rounds of a number at `offset` bytes from the start of a round's struct. */
static double median_figure(const BenchLayer *l, int rounds, gsize offset)
{
    double x[MAX_ROUNDS];
    for (int i = 0; i < rounds; i++)
        x[i] = *(const double *)((const char *)&l->rounds[i] + offset);
    return median(x, rounds);
}

/* The medians of all numbers. */
static Round median_round(const BenchLayer *l, int rounds)
{
    Round r = l->rounds[0];
    r.seconds = median_figure(l, rounds, offsetof(Round, seconds));
    for (int stage = 0; stage < STAGES; stage++)
        r.stages[stage].seconds = median_figure(l, rounds,
                                                offsetof(Round, stages) + stage * sizeof(StageMetrics) +
                                                    offsetof(StageMetrics, seconds));
    return r;
}

/* Per thread: the median over rounds of the mean over threads. */
static double of_thread(double *first, gsize stride, guint threads, int rounds)
{
    double x[MAX_ROUNDS] = {0};
    for (int i = 0; i < rounds; i++)
        for (guint t = 0; t < threads; t++)
            x[i] += first[t * stride + (guint)i] / threads;
    return median(x, rounds);
}

/* The limits of a thread of this machine: medians. */
typedef struct {
    double peak;         /* FLOP/s */
    double rates[SIZES]; /* bytes/s */
} Limits;

static Limits find_limits(Machine *m, int rounds)
{
    guint threads = thread_pool_threads(m->thread_pool);
    Limits limits = {.peak = of_thread(m->peaks[0], MAX_ROUNDS, threads, rounds)};
    for (int size = 0; size < SIZES; size++)
        limits.rates[size] = of_thread(m->rates[0][size], SIZES * MAX_ROUNDS, threads, rounds);
    return limits;
}

static void print_limits(const Limits *limits)
{
    printf("a thread's peak: %.1f GFLOP/s (%s)\nL2 cache: %" G_GSIZE_FORMAT " KB", limits->peak * 1e-9,
           isa_name(isa_current()), cache_bytes() >> 10);
    printf("\nreads, MB:   ");
    for (int size = 0; size < SIZES; size++)
        printf(" %6.4g", (double)((gsize)SMALLEST << size) / (1 << 20));
    printf("\nGB/s of them:");
    for (int size = 0; size < SIZES; size++)
        printf(" %6.1f", limits->rates[size] * 1e-9);
    printf("\n");
}

/* Minimum time for a stage's bytes, in seconds of one thread. */
static double memory_seconds(const Limits *limits, const gsize sizes[ARRAYS], const StageMetrics *f)
{
    double seconds = 0;
    for (int array = 0; array < ARRAYS; array++) {
        int size = 0;
        while (size < SIZES - 1 && (gsize)SMALLEST << size < sizes[array])
            size++;
        seconds += f->bytes[array] / limits->rates[size];
    }
    return seconds;
}

/* The numbers in a line of the report, for a layer or all layers; seconds and bytes of a whole round. */
typedef struct {
    double seconds, flops; /* of the clock; of the direct convolution */
    StageMetrics stages[STAGES];
    double memory[STAGES]; /* memory_seconds */
} Line;

static Line line_of(const BenchLayer *l, int rounds, int batch, const Limits *limits)
{
    const ConvShape *s = &l->shape;
    Round r = median_round(l, rounds);
    Line line = {.seconds = r.seconds,
                 .flops = 2.0 * 9 * s->inputs * s->outputs * s->height * s->width * batch};
    for (int stage = 0; stage < STAGES; stage++) {
        line.stages[stage] = r.stages[stage];
        line.memory[stage] = memory_seconds(limits, l->sizes, &r.stages[stage]);
    }
    return line;
}

static void add_line(Line *to, const Line *line)
{
    to->seconds += line->seconds;
    to->flops += line->flops;
    for (int stage = 0; stage < STAGES; stage++) {
        stage_add(&to->stages[stage], &line->stages[stage]);
        to->memory[stage] += line->memory[stage];
    }
}

/* In percent; nothing if the whole is 0. */
static void print_share(int width, double part, double whole)
{
    if (whole > 0)
        printf(" %*.0f", width, 100 * part / whole);
    else
        printf(" %*s", width, "");
}

static void print_ms(int width, double seconds, double images)
{
    if (seconds > 0)
        printf(" %*.2f", width, seconds / images * 1e3);
    else
        printf(" %*s", width, "");
}

/* The layer's name precedes it. */
static void print_line(const Line *line, int threads, int batch, const Limits *limits)
{
    const StageMetrics *stages = line->stages, *products = &stages[STAGE_PRODUCTS];
    double images = (double)batch * threads, seconds = 0, memory = 0, bytes = 0;
    for (int stage = 0; stage < STAGES; stage++) {
        seconds += stages[stage].seconds;
        memory += line->memory[stage];
        for (int array = 0; array < ARRAYS; array++)
            bytes += stages[stage].bytes[array];
    }
    printf(" | %6.2f", line->seconds / batch * 1e3);
    print_ms(6, products->seconds, images);
    print_ms(5, stages[STAGE_INPUT].seconds, images);
    print_ms(5, stages[STAGE_OUTPUT].seconds, images);
    print_ms(5, stages[STAGE_REST].seconds, images);
    printf(" | %4.0f %5.1f | %5.0f", line->flops / line->seconds * 1e-9,
           100 * products->flops / products->seconds / limits->peak, bytes / batch * 1e-6);
    print_share(4, line->memory[STAGE_PRODUCTS], products->seconds);
    print_share(3, line->memory[STAGE_INPUT], stages[STAGE_INPUT].seconds);
    print_share(3, line->memory[STAGE_OUTPUT], stages[STAGE_OUTPUT].seconds);
    print_share(3, memory, seconds);
    printf("\n");
}

static void report(const BenchLayer *layers, int n, int rounds, int batch, int threads, const Limits *limits)
{
    Line all = {0};
    printf("%-28s | %-31s | %-10s | %s\n", "", "ms an image", "eff. prod.", "memory, % of its rate");
    printf("%-12s %8s %6s | %6s %6s %5s %5s %5s | %4s %5s | %5s %4s %3s %3s %3s\n", "layer", "C -> K", "tile",
           "all", "prod.", "in", "out", "rest", "GF/s", "% pk.", "MB", "prod", "in", "out", "all");
    for (int i = 0; i < n; i++) {
        Line line = line_of(&layers[i], rounds, batch, limits);
        printf("%-12s %3d->%-3d %6s", layers[i].layer->name, layers[i].shape.inputs, layers[i].shape.outputs,
               conv_tile_name(layers[i].plan->winograd ? layers[i].plan->winograd->out : 1));
        print_line(&line, threads, batch, limits);
        add_line(&all, &line);
    }
    printf("%-28s", "all");
    print_line(&all, threads, batch, limits);
    printf("%.1f images/s\n", batch / all.seconds);
}

static void run(BenchLayer *layers, int n, int threads, int batch, int rounds, ThreadPool *thread_pool)
{
    Machine machine = {.thread_pool = thread_pool,
                       .memory = floats_new(MEMORY_BYTES / sizeof(float)),
                       .peaks = g_malloc0_n((gsize)threads, sizeof *machine.peaks),
                       .rates = g_malloc0_n((gsize)threads, sizeof *machine.rates)};
    memset(machine.memory, 1, MEMORY_BYTES);        /* untouched pages are all the same page */
    for (int round = -1; round < rounds; round++) { /* the first one only warms up */
        measure_machine(&machine, MAX(round, 0));
        for (int i = 0; i < n; i++)
            layer_run(&layers[i], batch, &layers[i].rounds[MAX(round, 0)]);
    }
    printf("%s, %d thread%s, batches of %d, median of %d\n", isa_name(isa_current()), threads,
           threads > 1 ? "s" : "", batch, rounds);
    Limits limits = find_limits(&machine, rounds);
    print_limits(&limits);
    report(layers, n, rounds, batch, threads, &limits);
    g_free(machine.peaks);
    g_free(machine.rates);
    floats_free(machine.memory);
}

/* The time that a new cache takes once, before its first image. */
static void time_choice(ThreadPool *thread_pool)
{
    g_autoptr(Weights) weights = weights_load("random", VGG16_LAYERS - 1, NULL);
    gint64 start = g_get_monotonic_time();
    Tiles tiles = tiles_choose(weights, VGG16_LAYERS - 1, VGG16_SIDE, thread_pool);
    printf("choosing tiles by the weights: %.2f s, once a cache (rounding %.1e)\n",
           1e-6 * (double)(g_get_monotonic_time() - start), tiles.error);
}

/* FALSE if there is no such instruction set, or this processor lacks it. */
static gboolean take_isa(const char *name)
{
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (g_str_equal(name, isa_name((IsaSet)isa)) && isa_available((IsaSet)isa)) {
            isa_force((IsaSet)isa);
            return TRUE;
        }
    return FALSE;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : (int)thread_pool_processors(),
        batch = argc > 2 ? atoi(argv[2]) : BASE_DEFAULT_BATCH;
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    const char *only = argc > 5 ? argv[5] : NULL;
    if (threads < 1 || threads > MAX_THREADS || batch < 1 || rounds < 1 || rounds > MAX_ROUNDS ||
        (argc > 4 && !take_isa(argv[4]))) {
        fprintf(stderr, "usage: layers [THREADS [BATCH [ROUNDS [baseline|avx2|avx512 [LAYER]]]]]\n");
        return 2;
    }
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)threads);
    static BenchLayer layers[VGG16_CONVS];
    int n = 0;
    for (int i = 0; i < VGG16_LAYERS; i++)
        if (vgg16_layers[i].conv >= 0 && (!only || g_str_equal(only, vgg16_layers[i].name)))
            layer_init(&layers[n++], i, batch, thread_pool);
    if (!n) {
        fprintf(stderr, "layers: %s is none of VGG16's convolutions\n", only);
        return 2;
    }
    run(layers, n, threads, batch, rounds, thread_pool);
    if (!only)
        time_choice(thread_pool);
    for (int i = 0; i < n; i++)
        layer_clear(&layers[i]);
    return 0;
}
