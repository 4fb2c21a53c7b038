/* conv_winograd: convolution by Winograd's minimal filtering, see conv.h and conv_kernels.h. */
#include "common/arithmetic/conv_plan.h"

#include <math.h>
#include <string.h>

/* TILES are two blocks of the AVX-512 micro-kernel, and their products for a slice take a quarter of a 1 MB L2. */
enum {
    SLICE = CONV_OUTPUTS,  /* output channels whose products wait in L2 for the inverse transform */
    TILES = 28,            /* that a task multiplies at once */
    SHARED_TILES = 128,    /* of a narrow layer, transformed together: at 512 channels 21 MB */
    MAX_TAPS = 5 * 5,      /* of a kernel */
    POSITION_PADDING = 80, /* floats between positions, which else would fall into the same cache sets */
};

/* A run, or the part of it that is transformed together. */
typedef struct {
    const ConvPlan *plan;
    const float *in;
    float *out;
    guint first, tiles; /* of the n * tiles_y * tiles_x tiles of all images */
    guint tasks;
    float *shared;  /* narrow: transformed input (P, tiles, C) */
    float *workers; /* worker_floats() for each */
} Run;

/* ---- The plan ---- */

static gsize products_of(const ConvShape *shape, const WinogradKernels *tile)
{
    int height = conv_output_side(shape->height, shape), width = conv_output_side(shape->width, shape);
    return (gsize)((height + tile->out - 1) / tile->out) * ((width + tile->out - 1) / tile->out) * tile->in *
           tile->in;
}

/* Large tiles need fewer multiplications, unless too much of them lies outside the image. */
const WinogradKernels *conv_fewest_products(const ConvShape *shape, int limit)
{
    const WinogradKernels *tiles = conv_kernels_of(shape)->winograd, *best = NULL;
    for (const WinogradKernels *tile = tiles; tile < tiles + WINOGRAD_TILES; tile++)
        if (tile->taps == shape->size && tile->out <= limit && (!shape->tile || tile->out == shape->tile) &&
            !(shape->pool && tile->out % 2) && (!best || products_of(shape, tile) < products_of(shape, best)))
            best = tile;
    return best;
}

void conv_winograd_init(ConvPlan *plan)
{
    const ConvShape *shape = &plan->shape;
    plan->winograd = conv_fewest_products(shape, CONV_LARGEST_TILE);
    g_assert(plan->winograd);
    int m = plan->winograd->out;
    plan->positions = plan->winograd->in * plan->winograd->in;
    plan->tiles_y = (plan->height + m - 1) / m;
    plan->tiles_x = (plan->width + m - 1) / m;
    plan->narrow = conv_wants_batch(shape);
}

/* ---- Weights: (K/SLICE, P, SLICE/panel, C, panel) ---- */

static gsize weight_floats(const ConvPlan *plan)
{
    return (gsize)plan->positions * plan->shape.inputs * plan->shape.outputs;
}

typedef struct {
    ConvPlan *plan;
    const float *kernel;
} Packing;

static void pack_slice(guint slice, guint worker, gpointer data)
{
    const Packing *packing = data;
    const ConvPlan *plan = packing->plan;
    int inputs = plan->shape.inputs, outputs = plan->shape.outputs, panel = plan->kernels->panel;
    gsize size = (gsize)plan->shape.size;
    float *to = plan->weights + (gsize)slice * plan->positions * inputs * SLICE, taps[MAX_TAPS * SLICE];
    for (int k = 0; k < SLICE; k += panel)
        for (int c = 0; c < inputs; c++, to += panel) {
            const float *from = packing->kernel + (gsize)c * outputs + slice * SLICE + k;
            for (gsize tap = 0; tap < size * size; tap++)
                conv_take(plan, from + tap * inputs * outputs, (gsize)panel, taps + tap * panel);
            plan->winograd->kernel(taps, (gsize)panel, panel, to, (gsize)inputs * SLICE);
        }
}

static void pack(ConvPlan *plan, const float *kernel)
{
    Packing packing = {plan, kernel};
    thread_pool_run(plan->thread_pool, (guint)(plan->shape.outputs / SLICE), pack_slice, &packing);
}

/* ---- Scratch ---- */

/* A worker's own floats: a pixel of zeros, a pixel to throw away, products, transformed input where not
 * shared. */
typedef struct {
    float *zeros;    /* (C) */
    float *discard;  /* (SLICE) */
    float *products; /* (tiles, P, SLICE) */
    float *input;    /* wide: (P, tiles, C) */
} Scratch;

static gsize position_stride(const ConvPlan *plan, guint tiles)
{
    return (gsize)tiles * plan->shape.inputs + POSITION_PADDING;
}

static gsize worker_floats(const ConvPlan *plan)
{
    gsize inputs = (gsize)plan->shape.inputs;
    gsize floats = conv_whole_lines(inputs) + SLICE + (gsize)TILES * plan->positions * SLICE;
    return floats + (plan->narrow ? 0 : plan->positions * position_stride(plan, TILES));
}

static gsize shared_floats(const ConvPlan *plan)
{
    return plan->narrow ? plan->positions * position_stride(plan, SHARED_TILES) : 0;
}

static Scratch scratch_of(const Run *run, guint worker)
{
    const ConvPlan *plan = run->plan;
    gsize inputs = (gsize)plan->shape.inputs;
    Scratch scratch;
    scratch.zeros = run->workers + worker * worker_floats(plan);
    scratch.discard = scratch.zeros + conv_whole_lines(inputs);
    scratch.products = scratch.discard + SLICE;
    scratch.input = scratch.products + (gsize)TILES * plan->positions * SLICE;
    memset(scratch.zeros, 0, inputs * sizeof(float));
    return scratch;
}

/* ---- Tiles ---- */

/* The upper left output pixel of a tile, and its image. */
static void tile_place(const ConvPlan *plan, guint tile, int *image, int *y, int *x)
{
    guint a_image = (guint)(plan->tiles_y * plan->tiles_x);
    *image = (int)(tile / a_image);
    *y = (int)(tile % a_image) / plan->tiles_x * plan->winograd->out;
    *x = (int)(tile % a_image) % plan->tiles_x * plan->winograd->out;
}

/* Asks for the pixels of the tile to the right, which come from L3, while this one is transformed. Its first
 * columns are the last ones of this one. */
static void fetch_next(const ConvPlan *plan, const float *const *pixels, const float *zeros, int left)
{
    int in = plan->winograd->in, inputs = plan->shape.inputs, step = plan->winograd->out * inputs;
    if (left + plan->winograd->out + in - plan->shape.pad > plan->shape.width)
        return;
    for (int y = 0; y < in; y++)
        for (int x = plan->shape.size - 1; x < in; x++)
            for (int c = 0; pixels[y * in + x] != zeros && c < inputs; c += CONV_LINE)
                __builtin_prefetch(pixels[y * in + x] + step + c, 0, 2);
}

/* Transforms one tile into row `row` of a block of `rows` rows at v. */
static void tile_input(const Run *run, guint tile, const float *zeros, float *v, gsize stride, guint row,
                       guint rows)
{
    const ConvPlan *plan = run->plan;
    int in = plan->winograd->in, height = plan->shape.height, width = plan->shape.width, image, top, left;
    const float *pixels[WINOGRAD_MAX];
    tile_place(plan, tile, &image, &top, &left);
    for (int y = 0; y < in; y++)
        for (int x = 0; x < in; x++) {
            int iy = top - plan->shape.pad + y, ix = left - plan->shape.pad + x;
            gboolean inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
            pixels[y * in + x] =
                inside ? run->in + (((gsize)image * height + iy) * width + ix) * plan->shape.inputs : zeros;
        }
    if (!plan->narrow)
        fetch_next(plan, pixels, zeros, left);
    int vector = plan->kernels->width;
    plan->winograd->input(pixels, plan->shape.inputs, plan->precision, v + row * vector, stride,
                          (gsize)rows * vector);
}

/* Block b of the blocks of micro-kernel rows that tiles [first, first + tiles) of all images make up; v is
 * where the first block starts. */
static void block_input(const Run *run, guint first, guint tiles, guint b, const float *zeros, float *v,
                        gsize stride)
{
    guint blocks = parts_of(tiles, (guint)run->plan->kernels->rows);
    guint start = part_start(tiles, blocks, b), end = part_start(tiles, blocks, b + 1);
    v += (gsize)start * run->plan->shape.inputs;
    for (guint t = start; t < end; t++)
        tile_input(run, first + t, zeros, v, stride, t - start, end - start);
}

/* products (tiles, P, SLICE) = V U for the same tiles, at all positions, for one slice. */
static void blocks_multiply(const ConvPlan *plan, guint tiles, guint slice, const float *v, gsize stride,
                            float *products)
{
    guint blocks = parts_of(tiles, (guint)plan->kernels->rows);
    int inputs = plan->shape.inputs, panel = plan->kernels->panel;
    gsize products_stride = (gsize)plan->positions * SLICE;
    const float *u = plan->weights + (gsize)slice * plan->positions * inputs * SLICE;
    for (int p = 0; p < plan->positions; p++, v += stride, u += (gsize)inputs * SLICE)
        for (guint b = 0; b < blocks; b++) {
            guint start = part_start(tiles, blocks, b), end = part_start(tiles, blocks, b + 1);
            const float *at = v + (gsize)start * inputs,
                        *next = b + 1 < blocks ? v + (gsize)end * inputs : v + stride;
            float *to = products + start * products_stride + p * SLICE;
            for (int k = 0; k < SLICE; k += panel)
                plan->kernels->multiply(at, next, u + (gsize)k * inputs, inputs, (int)(end - start), to + k,
                                        products_stride);
        }
}

static void tile_output(const Run *run, guint tile, guint slice, const float *products, float *discard)
{
    const ConvPlan *plan = run->plan;
    const ConvShape *shape = &plan->shape;
    int shrink = shape->pool ? 2 : 1, side = plan->winograd->out / shrink, image, top, left;
    int height = plan->height / shrink, width = plan->width / shrink;
    float *pixels[WINOGRAD_MAX_OUT * WINOGRAD_MAX_OUT];
    tile_place(plan, tile, &image, &top, &left);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int oy = top / shrink + y, ox = left / shrink + x;
            gsize pixel = ((gsize)image * height + oy) * width + ox;
            pixels[y * side + x] =
                oy < height && ox < width ? run->out + pixel * shape->outputs + slice * SLICE : discard;
        }
    float min = shape->relu ? 0 : -INFINITY;
    (shape->pool ? plan->winograd->output_pooled
                 : plan->winograd->output)(products, SLICE, SLICE, plan->bias + slice * SLICE, min, pixels);
}

/* ---- Tasks: wide, then narrow ---- */

static void slice_run(const Run *run, const Scratch *scratch, guint first, guint tiles, guint slice,
                      const float *v, gsize stride)
{
    blocks_multiply(run->plan, tiles, slice, v, stride, scratch->products);
    for (guint t = 0; t < tiles; t++)
        tile_output(run, first + t, slice, scratch->products + (gsize)t * run->plan->positions * SLICE,
                    scratch->discard);
}

static void wide_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    Scratch scratch = scratch_of(run, worker);
    guint first = part_start(run->tiles, run->tasks, task),
          end = part_start(run->tiles, run->tasks, task + 1);
    gsize stride = position_stride(run->plan, TILES);
    for (guint b = 0; b < parts_of(end - first, (guint)run->plan->kernels->rows); b++)
        block_input(run, first, end - first, b, scratch.zeros, scratch.input, stride);
    for (guint slice = 0; slice < (guint)run->plan->shape.outputs / SLICE; slice++)
        slice_run(run, &scratch, first, end - first, slice, scratch.input, stride);
}

/* Narrow: the tiles of a run are cut into parts of TILES at most, which input and output tasks
 * agree on. */
static void narrow_part(const Run *run, guint part, guint *first, guint *tiles)
{
    guint parts = parts_of(run->tiles, TILES);
    *first = part_start(run->tiles, parts, part);
    *tiles = part_start(run->tiles, parts, part + 1) - *first;
}

static void narrow_input_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    guint rows = (guint)run->plan->kernels->rows, max = parts_of(TILES, rows), first, tiles;
    narrow_part(run, task / max, &first, &tiles);
    if (task % max < parts_of(tiles, rows)) /* smaller parts have fewer blocks */
        block_input(run, run->first + first, tiles, task % max, scratch_of(run, worker).zeros,
                    run->shared + (gsize)first * run->plan->shape.inputs,
                    position_stride(run->plan, SHARED_TILES));
}

static void narrow_slice_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    Scratch scratch = scratch_of(run, worker);
    guint parts = parts_of(run->tiles, TILES), slice = task / parts, first, tiles;
    narrow_part(run, task % parts, &first, &tiles);
    slice_run(run, &scratch, run->first + first, tiles, slice,
              run->shared + (gsize)first * run->plan->shape.inputs, position_stride(run->plan, SHARED_TILES));
}

static void run_narrow(Run *run, guint total)
{
    const ConvPlan *plan = run->plan;
    guint chunks = parts_of(total, SHARED_TILES);
    for (guint chunk = 0; chunk < chunks; chunk++) {
        run->first = part_start(total, chunks, chunk);
        run->tiles = part_start(total, chunks, chunk + 1) - run->first;
        guint parts = parts_of(run->tiles, TILES);
        guint max = parts_of(TILES, (guint)plan->kernels->rows);
        thread_pool_run(plan->thread_pool, parts * max, narrow_input_task, run);
        thread_pool_run(plan->thread_pool, parts * (guint)(plan->shape.outputs / SLICE), narrow_slice_task,
                        run);
    }
}

static void run(const ConvPlan *plan, const float *in, int n, float *out, float *shared, float *workers)
{
    guint total = (guint)n * (guint)plan->tiles_y * (guint)plan->tiles_x;
    Run run = {.plan = plan, .in = in, .out = out, .tiles = total, .shared = shared, .workers = workers};
    if (plan->narrow) {
        run_narrow(&run, total);
        return;
    }
    /* As many for each thread, so that none waits for a last one. */
    guint threads = thread_pool_threads(plan->thread_pool);
    run.tasks = MIN(total, parts_of(parts_of(total, TILES), threads) * threads);
    thread_pool_run(plan->thread_pool, run.tasks, wide_task, &run);
}

const ConvMethod conv_winograd = {weight_floats, pack, shared_floats, worker_floats, run};
