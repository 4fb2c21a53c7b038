/* tiles: see tiles.h. Compiled without fused multiply-adds (Makefile). */
#include "common/vgg16/tiles.h"

#include "common/arithmetic/conv_reference.h"
#include "common/arithmetic/pooling.h"
#include "common/core/floats.h"
#include "common/core/rng.h"
#include "common/vgg16/base.h"

#include <math.h>
#include <string.h>

enum {
    SIDE = 64,    /* of the probe; block5 then has 4x4 pixels */
    CHANNELS = 3, /* of the probe */
    OUTPUTS = 32, /* output channels per task */
    SEED = 1,
    SMALLEST = 4, /* of the tiles for 3x3 */
};
/* Among fourteen photographs, with two kinds of weights, the largest error was 1.42 times the probe's; that of an
 * image with edges at every pixel was 1.67 times. */
#define MARGIN 1.75
/* Direct convolution has four times the multiplications of F(4x4), and often hardly a smaller error: it is considered
 * only with less than this margin. */
#define MARGIN_DIRECT 1.25

/* A worker's plan for OUTPUTS channels, used for one slice of the layer after another. */
typedef struct {
    ThreadPool *alone;
    Arena arena;
    ConvPlan *plan;
    float *kernel, *out;
} Worker;

typedef struct {
    const Weights *weights;
    int cut, side;
    ThreadPool *thread_pool;
    Worker *workers;
    float *image;                /* (SIDE, SIDE, CHANNELS) */
    double *exact[VGG16_LAYERS]; /* each layer's output: (H, W, K) */
    double own[VGG16_LAYERS]
              [CONV_LARGEST_TILE + 1]; /* of a convolution with F(m x m); negative: not yet measured */
    double to_cut[VGG16_LAYERS];       /* gains of all layers after it */
    double direct;                     /* error at the cut of direct convolutions in float32 */
} Probe;

static int side_of(int layer)
{
    return SIDE / vgg16_layers[layer].shrink;
}

static gsize floats_of(int layer)
{
    return (gsize)side_of(layer) * side_of(layer) * vgg16_layers[layer].outputs;
}

/* ---- The image ---- */

/* Squares of 1, 2, 4 … pixels added up, mostly grey: edges and flat parts of every size. With Keras's normalisation,
 * whose pixels have the largest values, so that biases hide least of the cancellation. */
static float *make_image(void)
{
    static const guint amount[] = {13, 13, 13,
                                   13, 13, 13}; /* of the squares of 1 … 32 pixels, in grey levels */
    Rng rng = rng_new(SEED, 0);
    g_autofree guint8 *rgb = g_new0(guint8, SIDE * SIDE * CHANNELS);
    for (guint octave = 0; octave < G_N_ELEMENTS(amount); octave++) {
        int across = SIDE >> octave;
        g_autofree guint8 *squares = g_new(guint8, across * across * CHANNELS);
        for (int i = 0; i < across * across; i++) {
            guint grey = rng_below(&rng, 3 * amount[octave] + 1);
            for (int c = 0; c < CHANNELS; c++)
                squares[i * CHANNELS + c] = (guint8)(grey + rng_below(&rng, amount[octave] / 4 + 1));
        }
        for (int y = 0; y < SIDE; y++)
            for (int i = 0; i < SIDE * CHANNELS; i++)
                rgb[y * SIDE * CHANNELS + i] +=
                    squares[((y >> octave) * across + (i / CHANNELS >> octave)) * CHANNELS + i % CHANNELS];
    }
    float *image = floats_new(SIDE * SIDE * CHANNELS);
    image_normalize(rgb, SIDE, NORMALIZE_CAFFE, image);
    return image;
}

/* ---- Exact outputs ---- */

static void pool_exact(const double *in, int layer, double *out)
{
    int side = side_of(layer), channels = vgg16_layers[layer].outputs;
    gsize row = (gsize)2 * side * channels;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < channels; c++) {
                const double *from = in + 2 * y * row + (gsize)2 * x * channels + c;
                double upper = MAX(from[0], from[channels]), lower = MAX(from[row], from[row + channels]);
                *out++ = MAX(upper, lower);
            }
}

static void compute_exact(Probe *probe)
{
    gsize pixels = SIDE * SIDE * CHANNELS;
    g_autofree double *image = g_new(double, pixels);
    for (gsize i = 0; i < pixels; i++)
        image[i] = probe->image[i];
    for (int layer = 0; layer <= probe->cut; layer++) {
        const Vgg16Layer *l = &vgg16_layers[layer];
        const double *in = layer ? probe->exact[layer - 1] : image;
        probe->exact[layer] = g_new(double, floats_of(layer));
        ConvShape shape = {.height = side_of(layer),
                           .width = side_of(layer),
                           .inputs = l->inputs,
                           .outputs = l->outputs,
                           .relu = TRUE};
        if (l->conv < 0)
            pool_exact(in, layer, probe->exact[layer]);
        else
            conv_reference(&shape, in, probe->weights->kernel[l->conv], probe->weights->bias[l->conv],
                           probe->exact[layer], probe->thread_pool);
    }
}

/* ---- Errors ---- */

typedef struct {
    double error, size; /* sums of squares */
} Squares;

static double relative(Squares squares)
{
    return squares.error > 0 ? sqrt(squares.error / squares.size) : 0;
}

static void add_squares(Squares *squares, double value, double exact)
{
    squares->error += (value - exact) * (value - exact);
    squares->size += exact * exact;
}

typedef struct {
    Probe *probe;
    int layer;
    ConvShape shape; /* of a slice of OUTPUTS channels */
    const float *in;
    float *out;       /* (H, W, K), or NULL */
    Squares *squares; /* of each slice */
} LayerRun;

static void worker_build(Worker *worker, const ConvShape *shape)
{
    conv_plan_free(worker->plan);
    worker->plan = conv_plan_new(&worker->arena, shape, CONV_FORWARD, worker->alone);
    worker->kernel = arena_floats(&worker->arena, conv_weights(shape));
    worker->out = arena_floats(&worker->arena, conv_outputs(shape));
}

static void worker_begin(Worker *worker, const ConvShape *shape)
{
    worker->alone = thread_pool_new(1);
    worker_build(worker, shape);
    arena_take(&worker->arena);
    worker_build(worker, shape);
}

static void worker_end(Worker *worker)
{
    conv_plan_free(worker->plan);
    thread_pool_free(worker->alone);
    arena_clear(&worker->arena);
    *worker = (Worker){0};
}

static void slice_task(guint slice, guint index, gpointer data)
{
    const LayerRun *run = data;
    const Vgg16Layer *l = &vgg16_layers[run->layer];
    const Probe *probe = run->probe;
    Worker *worker = &probe->workers[index];
    gsize first = (gsize)slice * OUTPUTS, pixels = (gsize)run->shape.height * run->shape.width;
    if (!worker->plan)
        worker_begin(worker, &run->shape);
    for (int tap = 0; tap < 9 * l->inputs; tap++)
        memcpy(worker->kernel + (gsize)tap * OUTPUTS,
               probe->weights->kernel[l->conv] + (gsize)tap * l->outputs + first, OUTPUTS * sizeof(float));
    conv_plan_set_weights(worker->plan, worker->kernel, probe->weights->bias[l->conv] + first);
    conv_plan_run(worker->plan, run->in, 1, worker->out);
    for (gsize pixel = 0; pixel < pixels; pixel++) {
        const double *exact = probe->exact[run->layer] + pixel * l->outputs + first;
        const float *out = worker->out + pixel * OUTPUTS;
        for (int k = 0; k < OUTPUTS; k++)
            add_squares(&run->squares[slice], out[k], exact[k]);
        if (run->out)
            memcpy(run->out + pixel * l->outputs + first, out, OUTPUTS * sizeof(float));
    }
}

/* The relative error of a convolution's output computed from `in` with this tile; out (may be NULL): the output. */
static double run_conv(Probe *probe, int layer, int tile, const float *in, float *out)
{
    const Vgg16Layer *l = &vgg16_layers[layer];
    int slices = l->outputs / OUTPUTS;
    g_autofree Squares *squares = g_new0(Squares, slices);
    ConvShape shape = {.height = side_of(layer),
                       .width = side_of(layer),
                       .inputs = l->inputs,
                       .outputs = OUTPUTS,
                       .relu = TRUE,
                       .size = 3,
                       .pad = 1,
                       .tile = tile,
                       .portable = TRUE};
    LayerRun run = {probe, layer, shape, in, out, squares};
    Squares all = {0};
    thread_pool_run(probe->thread_pool, (guint)slices, slice_task, &run);
    for (guint i = 0; i < thread_pool_threads(probe->thread_pool); i++)
        worker_end(&probe->workers[i]);
    for (int i = 0; i < slices; i++) {
        all.error += squares[i].error;
        all.size += squares[i].size;
    }
    return relative(all);
}

/* A convolution's own error with a tile. */
static double own_error(Probe *probe, int layer, int tile)
{
    double *own = &probe->own[layer][tile];
    if (*own >= 0)
        return *own;
    if (!layer)
        return *own = run_conv(probe, layer, tile, probe->image, NULL);
    gsize n = (gsize)side_of(layer) * side_of(layer) * vgg16_layers[layer].inputs;
    float *in = floats_new(n);
    for (gsize i = 0; i < n; i++)
        in[i] = (float)probe->exact[layer - 1][i];
    *own = run_conv(probe, layer, tile, in, NULL);
    floats_free(in);
    return *own;
}

static double pool_float(const Probe *probe, int layer, const float *in, float *out)
{
    Squares squares = {0};
    int side = 2 * side_of(layer), channels = vgg16_layers[layer].outputs;
    max_pooling_forward(probe->thread_pool, out, in, 1, (const int[]){side, side, channels}, 2);
    for (gsize i = 0; i < floats_of(layer); i++)
        add_squares(&squares, out[i], probe->exact[layer][i]);
    return relative(squares);
}

/* Runs the base in float32 by direct convolutions, and derives the gains from its error after each layer: a layer
 * amplifies the error of its input and adds its own. */
static void measure_gains(Probe *probe)
{
    float *x = floats_new(SIDE * SIDE * (gsize)vgg16_layers[0].outputs),
          *y = floats_new(SIDE * SIDE * (gsize)vgg16_layers[0].outputs);
    double gain[VGG16_LAYERS] = {0}, before = 0;
    for (int layer = 0; layer <= probe->cut; layer++) {
        gboolean pools = vgg16_layers[layer].conv < 0;
        double error =
            pools ? pool_float(probe, layer, x, y) : run_conv(probe, layer, 1, layer ? x : probe->image, y);
        double own = pools ? 0 : own_error(probe, layer, 1);
        gain[layer] = before > 0 ? sqrt(MAX(error * error - own * own, 0)) / before : 1;
        probe->direct = before = error;
        float *swap = x;
        x = y;
        y = swap;
    }
    probe->to_cut[probe->cut] = 1;
    for (int layer = probe->cut; layer > 0; layer--)
        probe->to_cut[layer - 1] = probe->to_cut[layer] * gain[layer];
    floats_free(x);
    floats_free(y);
}

/* ---- The choice ---- */

/* A convolution's contribution to the error at the cut, squared. */
static double part(Probe *probe, int layer, int tile)
{
    double error = own_error(probe, layer, tile) * probe->to_cut[layer];
    return error * error;
}

static double error_with(Probe *probe, const int *m)
{
    double sum = 0;
    for (int layer = 0; layer <= probe->cut; layer++)
        if (vgg16_layers[layer].conv >= 0)
            sum += part(probe, layer, m[vgg16_layers[layer].conv]);
    return sqrt(sum);
}

/* Multiplications per pair of input and output channels, times the pairs. */
static double products(const Probe *probe, int layer, int tile)
{
    int side = probe->side / vgg16_layers[layer].shrink, tiles = (side + tile - 1) / tile;
    double pairs = (double)vgg16_layers[layer].inputs * vgg16_layers[layer].outputs;
    return pairs * tiles * tiles * (tile + 2) * (tile + 2);
}

/* Takes the next smaller tile, not below `min`, that reduces the error most per additional multiplication. FALSE if
 * none does. */
static gboolean shrink_one(Probe *probe, int *m, int min)
{
    int best = -1, best_tile = 0;
    double best_rate = 0;
    for (int layer = 0; layer <= probe->cut; layer++) {
        int conv = vgg16_layers[layer].conv;
        if (conv < 0 || m[conv] <= min)
            continue;
        int tile = base_tile(probe->cut, probe->side, conv, m[conv] - 1);
        double gained = part(probe, layer, m[conv]) - part(probe, layer, tile);
        double rate = gained / (products(probe, layer, tile) - products(probe, layer, m[conv]));
        if (gained > 0 && (best < 0 || rate > best_rate)) {
            best = conv;
            best_tile = tile;
            best_rate = rate;
        }
    }
    if (best >= 0)
        m[best] = best_tile;
    return best >= 0;
}

/* Enlarges tiles again where the error stays within the limit, as the last step may have gone further than necessary. */
static void enlarge(Probe *probe, int *m, double limit)
{
    for (int layer = probe->cut; layer >= 0; layer--) {
        int conv = vgg16_layers[layer].conv;
        for (int tile = CONV_LARGEST_TILE; conv >= 0 && tile > m[conv]; tile--) {
            int before = m[conv];
            if (base_tile(probe->cut, probe->side, conv, tile) != tile)
                continue;
            m[conv] = tile;
            if (error_with(probe, m) > limit)
                m[conv] = before;
        }
    }
}

static void choose(Probe *probe, Tiles *tiles)
{
    double limit = MAX(TILES_ERROR, 3 * probe->direct);
    for (int conv = 0; conv < VGG16_CONVS; conv++)
        tiles->m[conv] = base_tile(probe->cut, probe->side, conv, CONV_LARGEST_TILE);
    gboolean fits = error_with(probe, tiles->m) * MARGIN <= limit;
    while (error_with(probe, tiles->m) * MARGIN > limit && shrink_one(probe, tiles->m, SMALLEST))
        ;
    while (error_with(probe, tiles->m) * MARGIN_DIRECT > limit && shrink_one(probe, tiles->m, 1))
        ;
    if (!fits)
        enlarge(probe, tiles->m, limit / MARGIN);
    tiles->error = error_with(probe, tiles->m);
    if (!isfinite(tiles->error))
        *tiles = (Tiles){0};
}

Tiles tiles_choose(const Weights *weights, int cut, int side, ThreadPool *thread_pool)
{
    Probe probe = {.weights = weights, .cut = cut, .side = side, .thread_pool = thread_pool};
    Tiles tiles = {0};
    probe.image = make_image();
    probe.workers = g_new0(Worker, thread_pool_threads(thread_pool));
    for (int layer = 0; layer < VGG16_LAYERS; layer++)
        for (int tile = 0; tile <= CONV_LARGEST_TILE; tile++)
            probe.own[layer][tile] = -1;
    compute_exact(&probe);
    measure_gains(&probe);
    choose(&probe, &tiles);
    for (int layer = 0; layer <= cut; layer++)
        g_free(probe.exact[layer]);
    g_free(probe.workers);
    floats_free(probe.image);
    return tiles;
}
