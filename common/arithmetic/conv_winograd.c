/* conv_winograd: convolution by Winograd's minimal filtering, see conv.h and conv_kernels.h. */
#include "common/arithmetic/caches.h"
#include "common/arithmetic/conv_plan.h"

#include <math.h>
#include <string.h>

enum {
    SLICE = 2 * CONV_OUTPUTS, /* output channels that are stored together and that a task computes */
    MIN_TILES = 28,           /* tiles that a task multiplies at once; see tiles_of */
    MAX_TILES = 64,
    TILES_STEP = 14,              /* rows of the AVX-512 micro-kernel */
    SHARED_TILES = 2 * MAX_TILES, /* narrow: tiles transformed together; 21 MB at 512 channels */
    TASKS_A_THREAD = 4,           /* narrow: at least, so that no thread waits long for the last task */
    MAX_TAPS = 5 * 5,             /* of a kernel */
};

/* A run; of a narrow layer, the part of it that is transformed together. */
typedef struct {
    const ConvPlan *plan;
    const float *in;
    float *out;
    guint first, tiles; /* of the n * tiles_y * tiles_x tiles of all images */
    guint tasks;
    guint task_tiles; /* narrow: tiles that a task multiplies at once */
    int task_outputs; /* narrow: output channels that a task computes */
    float *shared;    /* narrow: transformed input (P, tiles, C) */
    float *workers;   /* worker_floats per worker */
} Run;

/* ---- The plan ---- */

static gsize products_of(const ConvShape *shape, const WinogradKernels *tile)
{
    int height = conv_output_side(shape->height, shape), width = conv_output_side(shape->width, shape);
    return (gsize)((height + tile->out - 1) / tile->out) * ((width + tile->out - 1) / tile->out) * tile->in *
           tile->in;
}

/* Large tiles need fewer multiplications, unless too much of them is outside the image. */
const WinogradKernels *conv_fewest_products(const ConvShape *shape, int limit)
{
    const WinogradKernels *tiles = conv_kernels_of(shape)->winograd, *best = NULL;
    if (shape->inputs % 16 || shape->outputs % CONV_OUTPUTS)
        return NULL;
    for (const WinogradKernels *tile = tiles; tile < tiles + WINOGRAD_TILES; tile++)
        if (tile->taps == shape->size && tile->out <= limit && (!shape->tile || tile->out == shape->tile) &&
            !(shape->pool && tile->out % 2) && (!best || products_of(shape, tile) < products_of(shape, best)))
            best = tile;
    return best;
}

/* The number T of tiles that a task multiplies by S output channels at once, from the size of the L2 cache. It
 * affects only speed: every sum is the same for any T.
 *
 * At each position, channels are processed in runs of CONV_RUN. A panel of U for a run (16 KB with AVX-512) stays in
 * L1 while all T tiles are multiplied by it, in blocks of V with as many rows as the micro-kernel has sums for (7
 * KB), so an L1 of 32 KB is enough; meanwhile the next panel is prefetched into L2.
 *
 * Numbers read from beyond L2 per multiply-add, of which a position has T S C: for U (S C numbers) 1/T. For V (T C
 * numbers) 1/S in a narrow layer, whose transformed input is in L3 for all slices, and 0 in a wide one, whose input
 * is in L2. If the T P S products do not stay in L2 until the inverse transform, they are fetched, written and read:
 * 3/C. T = 64 instead of 28 saves 1/28 - 1/64, which outweighs 3/C from C = 150 on. Below, T is what fits into three
 * quarters of L2, leaving the rest for U and V.
 *
 * AVX-512 does 32 multiply-adds per cycle: with T = S = 64 it needs 4 bytes per cycle from beyond L2. T = 28 and S =
 * 32 needed 8.6, with which processors with a slow L3 ran at half their peak. */
static int tiles_of(const ConvPlan *plan)
{
    gsize tile_bytes = plan->positions * sizeof(float) * (SLICE + (plan->narrow ? 0 : plan->shape.inputs));
    gsize fit = cache_bytes() * 3 / 4 / tile_bytes / TILES_STEP * TILES_STEP;
    gboolean outweighs = 3.0 / plan->shape.inputs < 1.0 / MIN_TILES - 1.0 / MAX_TILES;
    return plan->narrow && outweighs ? MAX_TILES : (int)CLAMP(fit, MIN_TILES, MAX_TILES);
}

/* ---- Weights: (K/SLICE, P, C/CONV_RUN, SLICE/panel, CONV_RUN, panel), the order in which products read them ---- */

/* Output channels of the slice that starts with channel `first`: SLICE, or CONV_OUTPUTS in the last slice. */
static int slice_outputs(const ConvPlan *plan, int first)
{
    return MIN(SLICE, plan->shape.outputs - first);
}

static void pack_slice(guint slice, guint worker, gpointer data)
{
    const ConvPlan *plan = data;
    int inputs = plan->shape.inputs, panel = plan->kernels->panel;
    int first = (int)slice * SLICE, end = first + slice_outputs(plan, first);
    float *to = plan->weights + (gsize)first * plan->positions * inputs, taps[MAX_TAPS * CONV_OUTPUTS];
    for (int run = 0; run < inputs; run += CONV_RUN)
        for (int k = first; k < end; k += panel)
            for (int c = run; c < MIN(run + CONV_RUN, inputs); c++, to += panel) {
                conv_taps(plan, c, k, panel, taps);
                plan->winograd->kernel(taps, (gsize)panel, panel, to, (gsize)inputs * (end - first));
            }
}

static void pack(ConvPlan *plan)
{
    thread_pool_run(plan->thread_pool, parts_of((guint)plan->shape.outputs, SLICE), pack_slice, plan);
}

/* ---- Scratch ---- */

/* A worker's scratch: a pixel of zeros, a pixel for discarded output, products, transformed input if not shared. */
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

static void prepare(ConvPlan *plan)
{
    const ConvShape *shape = &plan->shape;
    int m = plan->winograd->out;
    gsize positions = (gsize)plan->winograd->in * (gsize)plan->winograd->in;
    plan->positions = (int)positions;
    plan->tiles_y = (plan->height + m - 1) / m;
    plan->tiles_x = (plan->width + m - 1) / m;
    plan->narrow = conv_wants_batch(shape);
    plan->tiles = tiles_of(plan);
    plan->weight_floats = positions * (gsize)shape->inputs * (gsize)shape->outputs;
    plan->worker_floats =
        floats_whole_lines((gsize)shape->inputs) + SLICE + (gsize)plan->tiles * positions * SLICE;
    if (plan->narrow)
        plan->shared_floats = positions * position_stride(plan, SHARED_TILES);
    else
        plan->worker_floats += positions * position_stride(plan, (guint)plan->tiles);
}

static Scratch scratch_of(const Run *run, guint worker)
{
    const ConvPlan *plan = run->plan;
    gsize inputs = (gsize)plan->shape.inputs;
    Scratch scratch;
    scratch.zeros = run->workers + worker * plan->worker_floats;
    scratch.discard = scratch.zeros + floats_whole_lines(inputs);
    scratch.products = scratch.discard + SLICE;
    scratch.input = scratch.products + (gsize)plan->tiles * plan->positions * SLICE;
    memset(scratch.zeros, 0, inputs * sizeof(float));
    return scratch;
}

/* ---- Tiles ---- */

void conv_tile_place(const ConvPlan *plan, guint tile, int *image, int *y, int *x)
{
    guint a_image = (guint)(plan->tiles_y * plan->tiles_x);
    *image = (int)(tile / a_image);
    *y = (int)(tile % a_image) / plan->tiles_x * plan->winograd->out;
    *x = (int)(tile % a_image) % plan->tiles_x * plan->winograd->out;
}

/* Prefetches the pixels of the tile to the right from L3 while this one is transformed, except the columns that both
 * share. */
static void fetch_next(const ConvPlan *plan, const float *const *pixels, const float *zeros, int left)
{
    int in = plan->winograd->in, inputs = plan->shape.inputs, step = plan->winograd->out * inputs;
    if (left + plan->winograd->out + in - plan->shape.pad > plan->shape.width)
        return;
    for (int y = 0; y < in; y++)
        for (int x = plan->shape.size - 1; x < in; x++)
            for (int c = 0; pixels[y * in + x] != zeros && c < inputs; c += FLOATS_LINE)
                __builtin_prefetch(pixels[y * in + x] + step + c, 0, 2);
}

/* Transforms the input of one tile into row `row` of a block of `rows` rows at v. */
static void tile_input(const Run *run, guint tile, const float *zeros, float *v, gsize stride, guint row,
                       guint rows)
{
    const ConvPlan *plan = run->plan;
    const int shape[] = {plan->shape.height, plan->shape.width, plan->shape.inputs};
    const float *pixels[WINOGRAD_MAX];
    int image, top, left;
    conv_tile_place(plan, tile, &image, &top, &left);
    conv_square_pixels(run->in + (gsize)image * shape[0] * shape[1] * shape[2], shape, top - plan->shape.pad,
                       left - plan->shape.pad, plan->winograd->in, zeros, pixels);
    if (!plan->narrow)
        fetch_next(plan, pixels, zeros, left);
    int vector = plan->kernels->width;
    plan->winograd->input(pixels, plan->shape.inputs, v + row * vector, stride, (gsize)rows * vector);
}

/* Transforms block b of tiles [first, first + tiles), which are divided into blocks of the micro-kernel's rows; v: the
 * start of the first block. */
static void block_input(const Run *run, guint first, guint tiles, guint b, const float *zeros, float *v,
                        gsize stride)
{
    guint blocks = parts_of(tiles, (guint)run->plan->kernels->rows);
    guint start = part_start(tiles, blocks, b), end = part_start(tiles, blocks, b + 1);
    v += (gsize)start * run->plan->shape.inputs;
    for (guint t = start; t < end; t++)
        tile_input(run, first + t, zeros, v, stride, t - start, end - start);
}

/* What a task multiplies: tiles with transformed input at v, positions `stride` floats apart, by some output channels
 * of a slice. */
typedef struct {
    const float *v;
    gsize stride;
    guint first, tiles;
    int channel, outputs; /* first output channel, and their number */
} Block;

/* Offset of run `run` of channels in block `block`, within a position of the transformed input of `tiles` tiles. */
static gsize block_offset(const ConvPlan *plan, guint tiles, guint block, int run)
{
    guint parts = parts_of(tiles, (guint)plan->kernels->rows);
    guint start = part_start(tiles, parts, block), end = part_start(tiles, parts, block + 1);
    return (gsize)start * plan->shape.inputs + (gsize)run * (end - start);
}

/* Of a position and a run of channels, and of the following run. */
typedef struct {
    const float *v, *u, *next_v, *next_u;
} Factors;

/* products (tiles, P, outputs) = V U, or += V U after the first run. */
static void run_multiply(const ConvPlan *plan, const Block *block, int run, Factors of, float *products)
{
    const ConvKernels *kernels = plan->kernels;
    guint tiles = block->tiles, parts = parts_of(tiles, (guint)kernels->rows);
    int channels = MIN(CONV_RUN, plan->shape.inputs - run);
    gsize stride = (gsize)plan->positions * block->outputs, panel_floats = (gsize)channels * kernels->panel;
    for (int k = 0; k < block->outputs; k += kernels->panel, of.u += panel_floats) {
        gboolean last = k + kernels->panel == block->outputs;
        const float *later = last ? of.next_u : of.u + panel_floats;
        gsize fetched = (gsize)channels / kernels->later_step * FLOATS_LINE; /* floats per call */
        for (guint part = 0; part < parts; part++) {
            guint start = part_start(tiles, parts, part), end = part_start(tiles, parts, part + 1);
            const float *next = part + 1 < parts ? of.v + block_offset(plan, tiles, part + 1, run)
                                : last           ? of.next_v
                                                 : of.v + block_offset(plan, tiles, 0, run);
            kernels->multiply(of.v + block_offset(plan, tiles, part, run), next, of.u,
                              part * fetched < panel_floats ? later + part * fetched : of.u, channels,
                              (int)(end - start), products + start * stride + k, stride, run > 0);
        }
    }
}

static void block_multiply(const ConvPlan *plan, const Block *block, float *products)
{
    int inputs = plan->shape.inputs, slice = block->channel / SLICE * SLICE,
        outputs = slice_outputs(plan, slice);
    const float *v = block->v, *u = plan->weights + (gsize)slice * plan->positions * inputs;
    for (int p = 0; p < plan->positions; p++, v += block->stride, products += block->outputs)
        for (int run = 0; run < inputs; run += CONV_RUN) {
            int channels = MIN(CONV_RUN, inputs - run);
            gsize at = (gsize)(block->channel - slice) * channels;
            const float *next_u = u + (gsize)channels * outputs,
                        *next_v = run + channels < inputs
                                      ? v + block_offset(plan, block->tiles, 0, run + channels)
                                      : v + block->stride;
            run_multiply(plan, block, run, (Factors){v, u + at, next_v, next_u + at}, products);
            u = next_u;
        }
}

/* Transforms tile `tile` of the block, whose products start at `products`, back to output pixels. */
static void tile_output(const Run *run, const Block *block, guint tile, const float *products, float *discard)
{
    const ConvPlan *plan = run->plan;
    const ConvShape *shape = &plan->shape;
    int shrink = shape->pool ? 2 : 1, side = plan->winograd->out / shrink, image, top, left;
    int height = plan->height / shrink, width = plan->width / shrink;
    float *pixels[WINOGRAD_MAX_OUT * WINOGRAD_MAX_OUT];
    conv_tile_place(plan, block->first + tile, &image, &top, &left);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int oy = top / shrink + y, ox = left / shrink + x;
            gsize pixel = ((gsize)image * height + oy) * width + ox;
            pixels[y * side + x] =
                oy < height && ox < width ? run->out + pixel * shape->outputs + block->channel : discard;
        }
    float min = shape->relu ? 0 : -INFINITY;
    (shape->pool ? plan->winograd->output_pooled : plan->winograd->output)(
        products, (gsize)block->outputs, block->outputs, plan->bias + block->channel, min, pixels);
}

/* ---- Tasks: wide, then narrow ---- */

/* Computes the block's output channels, or fewer at the end. */
static void block_run(const Run *run, const Scratch *scratch, Block block)
{
    const ConvPlan *plan = run->plan;
    block.outputs = MIN(block.outputs, plan->shape.outputs - block.channel);
    block_multiply(plan, &block, scratch->products);
    for (guint t = 0; t < block.tiles; t++)
        tile_output(run, &block, t, scratch->products + (gsize)t * plan->positions * block.outputs,
                    scratch->discard);
}

static void wide_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    const ConvPlan *plan = run->plan;
    Scratch scratch = scratch_of(run, worker);
    guint first = part_start(run->tiles, run->tasks, task),
          end = part_start(run->tiles, run->tasks, task + 1);
    gsize stride = position_stride(plan, (guint)plan->tiles);
    for (guint b = 0; b < parts_of(end - first, (guint)plan->kernels->rows); b++)
        block_input(run, first, end - first, b, scratch.zeros, scratch.input, stride);
    for (int channel = 0; channel < plan->shape.outputs; channel += SLICE)
        block_run(run, &scratch, (Block){scratch.input, stride, first, end - first, channel, SLICE});
}

/* Narrow: the tiles of a run are divided into parts of at most task_tiles, the same for input and output tasks. */
static void narrow_part(const Run *run, guint part, guint *first, guint *tiles)
{
    guint parts = parts_of(run->tiles, run->task_tiles);
    *first = part_start(run->tiles, parts, part);
    *tiles = part_start(run->tiles, parts, part + 1) - *first;
}

static void narrow_input_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    guint rows = (guint)run->plan->kernels->rows, max = parts_of(run->task_tiles, rows), first, tiles;
    narrow_part(run, task / max, &first, &tiles);
    if (task % max < parts_of(tiles, rows)) /* a small part has fewer blocks */
        block_input(run, run->first + first, tiles, task % max, scratch_of(run, worker).zeros,
                    run->shared + (gsize)first * run->plan->shape.inputs,
                    position_stride(run->plan, SHARED_TILES));
}

static void narrow_slice_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    Scratch scratch = scratch_of(run, worker);
    guint parts = parts_of(run->tiles, run->task_tiles), first, tiles;
    narrow_part(run, task % parts, &first, &tiles);
    block_run(run, &scratch,
              (Block){run->shared + (gsize)first * run->plan->shape.inputs,
                      position_stride(run->plan, SHARED_TILES), run->first + first, tiles,
                      (int)(task / parts) * run->task_outputs, run->task_outputs});
}

static guint narrow_tasks(const Run *run)
{
    return parts_of(run->tiles, run->task_tiles) *
           parts_of((guint)run->plan->shape.outputs, (guint)run->task_outputs);
}

/* Chooses the largest tasks that give every thread enough of them. */
static void cut_narrow(Run *run)
{
    guint wanted = TASKS_A_THREAD * thread_pool_threads(run->plan->thread_pool);
    run->task_tiles = (guint)run->plan->tiles;
    run->task_outputs = SLICE;
    if (narrow_tasks(run) < wanted)
        run->task_outputs = CONV_OUTPUTS;
    if (narrow_tasks(run) < wanted)
        run->task_tiles = MIN_TILES;
}

static void run_narrow(Run *run, guint total)
{
    const ConvPlan *plan = run->plan;
    guint chunks = parts_of(total, SHARED_TILES);
    for (guint chunk = 0; chunk < chunks; chunk++) {
        run->first = part_start(total, chunks, chunk);
        run->tiles = part_start(total, chunks, chunk + 1) - run->first;
        cut_narrow(run);
        guint parts = parts_of(run->tiles, run->task_tiles);
        guint blocks = parts_of(run->task_tiles, (guint)plan->kernels->rows);
        thread_pool_run(plan->thread_pool, parts * blocks, narrow_input_task, run);
        thread_pool_run(plan->thread_pool, narrow_tasks(run), narrow_slice_task, run);
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
    /* The same number for each thread, so that none waits for the last task. */
    guint threads = thread_pool_threads(plan->thread_pool);
    run.tasks = MIN(total, parts_of(parts_of(total, (guint)plan->tiles), threads) * threads);
    thread_pool_run(plan->thread_pool, run.tasks, wide_task, &run);
}

const ConvMethod conv_winograd = {prepare, pack, run, conv_winograd_gradient_floats, conv_winograd_gradient};
