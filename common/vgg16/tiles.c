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
    OUTPUTS = 32, /* output channels whose errors are summed together */
    SEED = 1,
    SMALLEST = 4, /* of the tiles for 3x3 */
};
/* Among fourteen photographs, with two kinds of weights, the largest error was 1.42 times the probe's; that of an
 * image with edges at every pixel was 1.67 times. */
#define MARGIN 1.75
/* Direct convolution has four times the multiplications of F(4x4), and often hardly a smaller error: it is considered
 * only with less than this margin. */
#define MARGIN_DIRECT 1.25

typedef struct {
    Network *network; /* the base up to the cut, for the probe */
    int cut, side;    /* side: of the images */
    ThreadPool *thread_pool;
    double *exact[VGG16_LAYERS + 1]; /* (H, W, C) the image, then each layer's output */
    float *x[2], *own_x[2]; /* (H, W, C) a layer's input and output in float32: of the base, of one layer */
    double own[VGG16_LAYERS]
              [CONV_LARGEST_TILE + 1]; /* of a convolution with F(m x m); negative: not yet measured */
    double to_cut[VGG16_LAYERS];       /* gains of all layers after it */
    double direct;                     /* error at the cut of direct convolutions in float32 */
    ConvPlan *plan;                    /* of the convolution that was run last: its layer and tile */
    int planned, tile;
    Arena arena; /* the plan's */
} Probe;

static const Layer *layer_of(const Probe *probe, int layer)
{
    return probe->network->layers->pdata[layer];
}

/* ---- The image ---- */

/* Squares of 1, 2, 4 … pixels added up, mostly grey: edges and flat parts of every size. With Keras's normalisation,
 * whose pixels have the largest values, so that biases hide least of the cancellation. */
static void make_image(float *image)
{
    enum { OCTAVES = 6, AMOUNT = 13 }; /* squares of 1 … 32 pixels; of each, in grey levels */
    Rng rng = rng_new(SEED, 0);
    g_autofree guint8 *rgb = g_new0(guint8, SIDE * SIDE * CHANNELS);
    for (guint octave = 0; octave < OCTAVES; octave++) {
        int across = SIDE >> octave;
        g_autofree guint8 *squares = g_new(guint8, across * across * CHANNELS);
        for (int i = 0; i < across * across; i++) {
            guint grey = rng_below(&rng, 3 * AMOUNT + 1);
            for (int c = 0; c < CHANNELS; c++)
                squares[i * CHANNELS + c] = (guint8)(grey + rng_below(&rng, AMOUNT / 4 + 1));
        }
        for (int y = 0; y < SIDE; y++)
            for (int i = 0; i < SIDE * CHANNELS; i++)
                rgb[y * SIDE * CHANNELS + i] +=
                    squares[((y >> octave) * across + (i / CHANNELS >> octave)) * CHANNELS + i % CHANNELS];
    }
    image_normalize(rgb, SIDE, NORMALIZE_CAFFE, image);
}

/* ---- Exact outputs ---- */

static void pool_exact(const double *in, const Layer *layer, double *out)
{
    int channels = layer->out[2];
    gsize row = (gsize)layer->in[1] * channels;
    for (int y = 0; y < layer->out[0]; y++)
        for (int x = 0; x < layer->out[1]; x++)
            for (int c = 0; c < channels; c++) {
                const double *from = in + 2 * y * row + (gsize)2 * x * channels + c;
                double upper = MAX(from[0], from[channels]), lower = MAX(from[row], from[row + channels]);
                *out++ = MAX(upper, lower);
            }
}

static void compute_exact(Probe *probe)
{
    probe->exact[0] = g_new(double, SIDE *SIDE *CHANNELS);
    for (gsize i = 0; i < SIDE * SIDE * CHANNELS; i++)
        probe->exact[0][i] = probe->x[0][i];
    for (int i = 0; i <= probe->cut; i++) {
        const Layer *layer = layer_of(probe, i);
        const double *in = probe->exact[i];
        double *out = probe->exact[i + 1] = g_new(double, layer_outputs(layer));
        ConvShape shape = layer_convolution(layer);
        if (layer->kernel)
            conv_reference(&shape, in, layer->kernel, layer->bias, out, probe->thread_pool);
        else
            pool_exact(in, layer, out);
    }
}

/* ---- Errors ---- */

/* The relative error of a layer's output, out (H, W, K): sums over so many channels at a time, added up. */
static double error_of(const Probe *probe, int i, const float *out, gsize channels)
{
    const double *exact = probe->exact[i + 1];
    gsize all = layer_outputs(layer_of(probe, i)), outputs = (gsize)layer_of(probe, i)->out[2];
    double errors = 0, sizes = 0; /* squared */
    for (gsize first = 0; first < outputs; first += channels) {
        double error = 0, size = 0;
        for (gsize pixel = first; pixel < all; pixel += outputs)
            for (gsize k = pixel; k < pixel + channels; k++) {
                error += (out[k] - exact[k]) * (out[k] - exact[k]);
                size += exact[k] * exact[k];
            }
        errors += error;
        sizes += size;
    }
    return errors > 0 ? sqrt(errors / sizes) : 0;
}

/* A convolution with a tile: the plan of the last run, or one made in its memory, as fresh pages for each would take
 * longer than its products. */
static ConvPlan *plan_of(Probe *probe, int i, int tile)
{
    if (probe->plan && probe->planned == i && probe->tile == tile)
        return probe->plan;
    const Layer *layer = layer_of(probe, i);
    ConvShape shape = layer_convolution(layer);
    shape.tile = tile;
    shape.portable = TRUE;
    Arena arena = {0};
    conv_plan_free(probe->plan);
    conv_plan_free(conv_plan_new(&arena, &shape, CONV_FORWARD, probe->thread_pool));
    arena_take_from(&arena, &probe->arena);
    probe->plan = conv_plan_new(&arena, &shape, CONV_FORWARD, probe->thread_pool);
    probe->planned = i;
    probe->tile = tile;
    probe->arena = arena;
    conv_plan_set_weights(probe->plan, layer->kernel, layer->bias);
    return probe->plan;
}

/* Computes a layer's output, x[1], from its input, x[0], a convolution with this tile; returns the relative error. */
static double run_layer(Probe *probe, int i, int tile, float *const x[2])
{
    const Layer *layer = layer_of(probe, i);
    if (!layer->kernel) {
        max_pooling(probe->thread_pool, x[1], NULL, x[0], 1, layer->in, layer->size);
        return error_of(probe, i, x[1], (gsize)layer->out[2]);
    }
    conv_plan_run(plan_of(probe, i, tile), x[0], 1, x[1]);
    return error_of(probe, i, x[1], OUTPUTS);
}

/* A convolution's own error with a tile. */
static double own_error(Probe *probe, int layer, int tile)
{
    double *own = &probe->own[layer][tile];
    gsize n = layer_inputs(layer_of(probe, layer));
    for (gsize i = 0; *own < 0 && i < n; i++)
        probe->own_x[0][i] = (float)probe->exact[layer][i];
    return *own >= 0 ? *own : (*own = run_layer(probe, layer, tile, probe->own_x));
}

/* Runs the base in float32 by direct convolutions, and derives the gains from its error after each layer: a layer
 * amplifies the error of its input and adds its own. */
static void measure_gains(Probe *probe)
{
    double gain[VGG16_LAYERS] = {0}, before = 0;
    for (int layer = 0; layer <= probe->cut; layer++) {
        double error = run_layer(probe, layer, 1, probe->x),
               own = vgg16_layers[layer].conv < 0 ? 0 : own_error(probe, layer, 1);
        gain[layer] = before > 0 ? sqrt(MAX(error * error - own * own, 0)) / before : 1;
        probe->direct = before = error;
        float *output = probe->x[1];
        probe->x[1] = probe->x[0];
        probe->x[0] = output;
    }
    probe->to_cut[probe->cut] = 1;
    for (int layer = probe->cut; layer > 0; layer--)
        probe->to_cut[layer - 1] = probe->to_cut[layer] * gain[layer];
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
        int tile = base_tile(probe->cut, probe->side, conv, 0, m[conv] - 1);
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
            if (base_tile(probe->cut, probe->side, conv, 0, tile) != tile)
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
        tiles->m[conv] = base_tile(probe->cut, probe->side, conv, 0, CONV_LARGEST_TILE);
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
    g_autoptr(Network) network = base_network(weights, NULL, cut, SIDE);
    Probe probe = {.network = network, .cut = cut, .side = side, .thread_pool = thread_pool};
    Tiles tiles = {0};
    gsize largest = layer_outputs(layer_of(&probe, 0));
    g_autofree float *arrays = g_new(float, 4 * largest);
    for (int i = 0; i < 2; i++) {
        probe.x[i] = arrays + (gsize)i * largest;
        probe.own_x[i] = arrays + (gsize)(2 + i) * largest;
    }
    make_image(probe.x[0]);
    for (int layer = 0; layer < VGG16_LAYERS; layer++)
        for (int tile = 0; tile <= CONV_LARGEST_TILE; tile++)
            probe.own[layer][tile] = -1;
    compute_exact(&probe);
    measure_gains(&probe);
    choose(&probe, &tiles);
    for (int layer = 0; layer <= cut + 1; layer++)
        g_free(probe.exact[layer]);
    conv_plan_free(probe.plan);
    arena_clear(&probe.arena);
    return tiles;
}
