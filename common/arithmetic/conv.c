#include "common/arithmetic/conv.h"

#include "common/arithmetic/isa.h"
#include "common/arithmetic/kernels.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 64,      /* bytes: a cache line */
    HUGE_PAGE = 2 << 20, /* bytes */
    SLICE = 32,          /* output channels whose products wait in L2 for the inverse transform */
    TILES = 28,          /* tiles a task multiplies at once: two blocks of the AVX-512 micro-kernel, and their
                            products for a slice take a quarter of a 1 MB L2 */
    SHARED_TILES = 128,  /* tiles of a narrow layer transformed together: at 512 channels 21 MB */
    DIRECT_ROWS = 4,     /* image rows a direct task computes */
    POSITION_PADDING = 80, /* floats between positions, which else would fall into the same cache sets */
};

struct ConvPlan {
    ConvShape shape;
    ThreadPool *thread_pool;
    const ConvKernels *kernels;
    const WinogradKernels *winograd; /* NULL: direct */
    int positions;                   /* P */
    int tiles_y, tiles_x;
    gboolean narrow;
    float *weights; /* winograd: (K/SLICE, P, SLICE/panel, C, panel); direct: (K/panel, 3, 3C, panel) */
    float *bias;    /* (K) */
};

/* A run, or the part of it that is transformed together. */
typedef struct {
    const ConvPlan *plan;
    const float *in;
    float *out;
    int n;
    guint first, tiles; /* of the n * tiles_y * tiles_x tiles of all images */
    guint tasks;
    float *shared;  /* narrow: transformed input (P, tiles, C) */
    float *workers; /* worker_floats() for each */
} Run;

void *conv_memory_new(gsize size)
{
    gboolean large = size >= HUGE_PAGE;
    void *memory = g_aligned_alloc(1, MAX(size, 1), large ? HUGE_PAGE : ALIGNMENT);
    if (large)
        madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void conv_memory_free(void *memory)
{
    if (memory)
        g_aligned_free(memory);
}

/* Start of part i when `total` is cut into `parts` that differ by one at most. */
static guint part_start(guint total, guint parts, guint i)
{
    return (guint)((guint64)total * i / parts);
}

static guint parts_of(guint total, guint max)
{
    return (total + max - 1) / max;
}

/* ---- The plan ---- */

static gsize products_of(const ConvShape *shape, const WinogradKernels *winograd)
{
    int out = winograd->out, in = winograd->in;
    return (gsize)((shape->height + out - 1) / out) * ((shape->width + out - 1) / out) * in * in;
}

/* Large tiles need fewer multiplications, unless too much of them lies outside the image. */
static const WinogradKernels *fewest_products(const ConvShape *shape, const ConvKernels *kernels)
{
    const WinogradKernels *best = kernels->winograd4, *larger[] = {kernels->winograd6, kernels->winograd7};
    for (gsize i = 0; i < G_N_ELEMENTS(larger); i++)
        if (!(shape->pool && larger[i]->out % 2) && products_of(shape, larger[i]) < products_of(shape, best))
            best = larger[i];
    return best;
}

static void plan_init(ConvPlan *plan, const ConvShape *shape)
{
    plan->shape = *shape;
    plan->kernels = kernels_current()->conv;
    if (shape->inputs % 16 == 0)
        plan->winograd = fewest_products(shape, plan->kernels);

    g_assert(shape->outputs % SLICE == 0 && (plan->winograd || !shape->pool));
    if (plan->winograd) {
        int m = plan->winograd->out;
        plan->positions = plan->winograd->in * plan->winograd->in;
        plan->tiles_y = (shape->height + m - 1) / m;
        plan->tiles_x = (shape->width + m - 1) / m;
        plan->narrow = shape->inputs * shape->outputs > 128 * 128;
    }
}

static gsize weight_floats(const ConvPlan *plan)
{
    return (gsize)(plan->winograd ? plan->positions : 9) * plan->shape.inputs * plan->shape.outputs;
}

static gsize position_stride(const ConvPlan *plan, guint tiles)
{
    return (gsize)tiles * plan->shape.inputs + POSITION_PADDING;
}

ConvPlan *conv_plan_new(const ConvShape *shape, ThreadPool *thread_pool)
{
    ConvPlan *plan = g_new0(ConvPlan, 1);
    plan_init(plan, shape);
    plan->thread_pool = thread_pool;
    plan->weights = conv_memory_new(weight_floats(plan) * sizeof(float));
    plan->bias = g_new0(float, shape->outputs);
    return plan;
}

void conv_plan_free(ConvPlan *plan)
{
    if (!plan)
        return;
    conv_memory_free(plan->weights);
    g_free(plan->bias);
    g_free(plan);
}

gsize conv_plan_memory(const ConvShape *shape)
{
    ConvPlan plan = {0};
    plan_init(&plan, shape);
    return (weight_floats(&plan) + (gsize)shape->outputs) * sizeof(float) + sizeof plan;
}

gboolean conv_wants_batch(const ConvShape *shape)
{
    ConvPlan plan = {0};
    plan_init(&plan, shape);
    return plan.narrow;
}

const char *conv_method(const ConvShape *shape)
{
    ConvPlan plan = {0};
    plan_init(&plan, shape);
    static const char *const names[] = {[4] = "F(4x4)", [6] = "F(6x6)", [7] = "F(7x7)"};
    return plan.winograd ? names[plan.winograd->out] : "direct";
}

/* ---- Weights ---- */

typedef struct {
    ConvPlan *plan;
    const float *kernel;
} Packing;

static void pack_winograd(guint slice, guint worker, gpointer data)
{
    const Packing *packing = data;
    const ConvPlan *plan = packing->plan;
    int inputs = plan->shape.inputs, outputs = plan->shape.outputs, panel = plan->kernels->panel;
    float *to = plan->weights + (gsize)slice * plan->positions * inputs * SLICE;
    for (int k = 0; k < SLICE; k += panel)
        for (int c = 0; c < inputs; c++, to += panel)
            plan->winograd->kernel(packing->kernel + (gsize)c * outputs + slice * SLICE + k,
                                   (gsize)inputs * outputs, panel, to, (gsize)inputs * SLICE);
}

static void pack_direct(guint block, guint worker, gpointer data)
{
    const Packing *packing = data;
    const ConvPlan *plan = packing->plan;
    int taps = 9 * plan->shape.inputs, panel = plan->kernels->panel;
    for (int tap = 0; tap < taps; tap++)
        memcpy(plan->weights + ((gsize)block * taps + tap) * panel,
               packing->kernel + (gsize)tap * plan->shape.outputs + block * panel, panel * sizeof(float));
}

void conv_plan_set_weights(ConvPlan *plan, const float *kernel, const float *bias)
{
    Packing packing = {plan, kernel};
    if (plan->winograd)
        thread_pool_run(plan->thread_pool, (guint)(plan->shape.outputs / SLICE), pack_winograd, &packing);
    else
        thread_pool_run(plan->thread_pool, (guint)(plan->shape.outputs / plan->kernels->panel), pack_direct,
                        &packing);
    if (bias)
        memcpy(plan->bias, bias, plan->shape.outputs * sizeof(float));
    else
        memset(plan->bias, 0, plan->shape.outputs * sizeof(float));
}

/* ---- Winograd ---- */

/* A worker's own floats: a pixel of zeros, a pixel to throw away, products, transformed input where not
 * shared. */
typedef struct {
    float *zeros;    /* (C) */
    float *discard;  /* (SLICE) */
    float *products; /* (tiles, P, SLICE) */
    float *input;    /* wide: (P, tiles, C) */
} Scratch;

static gsize aligned_floats(gsize floats)
{
    return (floats + ALIGNMENT / sizeof(float) - 1) / (ALIGNMENT / sizeof(float)) *
           (ALIGNMENT / sizeof(float));
}

static gsize worker_floats(const ConvPlan *plan)
{
    gsize inputs = (gsize)plan->shape.inputs;
    if (!plan->winograd)
        return aligned_floats((DIRECT_ROWS + 2) * (gsize)(plan->shape.width + 2) * inputs);
    gsize floats = aligned_floats(inputs) + SLICE + (gsize)TILES * plan->positions * SLICE;
    return floats + (plan->narrow ? 0 : plan->positions * position_stride(plan, TILES));
}

static gsize shared_floats(const ConvPlan *plan)
{
    return plan->narrow ? plan->positions * position_stride(plan, SHARED_TILES) : 0;
}

gsize conv_scratch_size(const ConvShape *shape, guint threads)
{
    ConvPlan plan = {0};
    plan_init(&plan, shape);
    return (shared_floats(&plan) + threads * worker_floats(&plan)) * sizeof(float);
}

static Scratch scratch_of(const Run *run, guint worker)
{
    const ConvPlan *plan = run->plan;
    gsize inputs = (gsize)plan->shape.inputs;
    Scratch scratch;
    scratch.zeros = run->workers + worker * worker_floats(plan);
    scratch.discard = scratch.zeros + aligned_floats(inputs);
    scratch.products = scratch.discard + SLICE;
    scratch.input = scratch.products + (gsize)TILES * plan->positions * SLICE;
    memset(scratch.zeros, 0, inputs * sizeof(float));
    return scratch;
}

/* The upper left output pixel of a tile, and its image. */
static void tile_place(const ConvPlan *plan, guint tile, int *image, int *y, int *x)
{
    guint a_image = (guint)(plan->tiles_y * plan->tiles_x);
    *image = (int)(tile / a_image);
    *y = (int)(tile % a_image) / plan->tiles_x * plan->winograd->out;
    *x = (int)(tile % a_image) % plan->tiles_x * plan->winograd->out;
}

/* Asks for the pixels of the tile to the right, which come from L3, while this one is transformed. Its first
 * two columns are the last two of this one. */
static void fetch_next(const ConvPlan *plan, const float *const *pixels, const float *zeros, int left)
{
    int in = plan->winograd->in, inputs = plan->shape.inputs, step = plan->winograd->out * inputs;
    if (left + plan->winograd->out + in - 1 > plan->shape.width)
        return;
    for (int y = 0; y < in; y++)
        for (int x = 2; x < in; x++)
            for (int c = 0; pixels[y * in + x] != zeros && c < inputs; c += ALIGNMENT / (int)sizeof(float))
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
            int iy = top - 1 + y, ix = left - 1 + x;
            gboolean inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
            pixels[y * in + x] =
                inside ? run->in + (((gsize)image * height + iy) * width + ix) * plan->shape.inputs : zeros;
        }
    if (!plan->narrow)
        fetch_next(plan, pixels, zeros, left);
    int vector = plan->kernels->width;
    plan->winograd->input(pixels, plan->shape.inputs, v + row * vector, stride, (gsize)rows * vector);
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
    int height = shape->height / shrink, width = shape->width / shrink;
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

/* ---- Pooling ---- */

typedef struct {
    const float *in;
    float *out;
    int height, width, channels; /* of the output */
    gsize in_row, in_image;
} Pooling;

static void pool_row(guint task, guint worker, gpointer data)
{
    const Pooling *p = data;
    int image = (int)(task / (guint)p->height), y = (int)(task % (guint)p->height), channels = p->channels;
    const float *upper = p->in + image * p->in_image + 2 * y * p->in_row, *lower = upper + p->in_row;
    float *out = p->out + (gsize)task * p->width * channels;
    for (int x = 0; x < p->width; x++, upper += 2 * channels, lower += 2 * channels, out += channels)
        for (int c = 0; c < channels; c++) {
            float top = upper[c] > upper[c + channels] ? upper[c] : upper[c + channels];
            float bottom = lower[c] > lower[c + channels] ? lower[c] : lower[c + channels];
            out[c] = top > bottom ? top : bottom;
        }
}

void conv_pool(ThreadPool *thread_pool, const float *in, int n, int height, int width, int channels,
               float *out)
{
    gsize row = (gsize)width * channels;
    Pooling pooling = {in, out, height / 2, width / 2, channels, row, row * height};
    thread_pool_run(thread_pool, (guint)n * (guint)pooling.height, pool_row, &pooling);
}

/* ---- Directly ---- */

/* Rows [top - 1, top + rows] of an image, with a pixel of zeros on all sides: (rows + 2, W + 2, C). */
static void padded_rows(const ConvShape *shape, const float *image, int top, int rows, float *to)
{
    gsize row = (gsize)shape->width * shape->inputs, pixel = (gsize)shape->inputs;
    for (int y = top - 1; y <= top + rows; y++, to += row + 2 * pixel) {
        memset(to, 0, (row + 2 * pixel) * sizeof(float));
        if (y >= 0 && y < shape->height)
            memcpy(to + pixel, image + y * row, row * sizeof(float));
    }
}

static void direct_task(guint task, guint worker, gpointer data)
{
    const Run *run = data;
    const ConvPlan *plan = run->plan;
    const ConvShape *shape = &plan->shape;
    guint bands = parts_of((guint)shape->height, DIRECT_ROWS);
    int image = (int)(task / bands), top = (int)(task % bands) * DIRECT_ROWS;
    int rows = MIN(DIRECT_ROWS, shape->height - top), panel = plan->kernels->panel;
    float *padded = run->workers + worker * worker_floats(plan), min = shape->relu ? 0 : -INFINITY;
    gsize row = (gsize)(shape->width + 2) * shape->inputs, outputs = (gsize)shape->outputs;
    padded_rows(shape, run->in + (gsize)image * shape->height * shape->width * shape->inputs, top, rows,
                padded);
    guint blocks = parts_of((guint)shape->width, (guint)plan->kernels->rows);
    for (int y = 0; y < rows; y++)
        for (guint b = 0; b < blocks; b++) {
            guint x = part_start((guint)shape->width, blocks, b);
            int pixels = (int)(part_start((guint)shape->width, blocks, b + 1) - x);
            float *out = run->out + (((gsize)image * shape->height + top + y) * shape->width + x) * outputs;
            for (gsize k = 0; k < outputs; k += panel)
                plan->kernels->direct(padded + y * row + (gsize)x * shape->inputs, row, shape->inputs,
                                      plan->weights + k * 9 * shape->inputs, plan->bias + k, min, pixels,
                                      out + k, outputs);
        }
}

void conv_plan_run(ConvPlan *plan, const float *in, int n, float *out, void *scratch)
{
    guint total = (guint)n * (guint)plan->tiles_y * (guint)plan->tiles_x;
    Run run = {.plan = plan, .in = in, .out = out, .n = n, .tiles = total, .shared = scratch};
    run.workers = run.shared + shared_floats(plan);
    if (!plan->winograd) {
        thread_pool_run(plan->thread_pool, (guint)n * parts_of((guint)plan->shape.height, DIRECT_ROWS),
                        direct_task, &run);
    } else if (plan->narrow) {
        run_narrow(&run, total);
    } else {
        /* As many for each thread, so that none waits for a last one. */
        guint threads = thread_pool_threads(plan->thread_pool);
        run.tasks = MIN(total, parts_of(parts_of(total, TILES), threads) * threads);
        thread_pool_run(plan->thread_pool, run.tasks, wide_task, &run);
    }
}
