/* dense: see dense.h. A task is a panel of up to PANEL columns of W; it goes down the panel in tiles of TILE rows,
 * small enough that a tile of W, its slots, the gradient and the packed copy fit into the L2 cache together. Where x
 * has many zeros, as after a ReLU, only the non-zeros are multiplied. A column's sums do not depend on its panel, so
 * the width of panels may follow from the number of threads. */
#include "common/network/dense.h"

#include "common/arithmetic/kernels.h"

#include <string.h>

enum {
    PANEL = 512, /* columns: long contiguous runs use memory bandwidth better */
    TILE = 32,   /* rows */
};

/* Sparse products are used below this share of non-zeros: they run at about 0.78 of the rate of dense ones, but only
 * for the non-zeros. */
#define SPARSE_SHARE 0.75

typedef struct {
    const Dense *dense;
    int panel;                 /* columns per task */
    const DenseUpdate *update; /* NULL: forward only */
    DenseBatch next;           /* to go forward; without images: update only */
    const float *kernel, *bias;
    float *y;
    const DenseKernels *kernels;
    const SparseKernels *sparse;
} Pass;

typedef struct {
    int first, columns, row, rows; /* of W */
} Tile;

/* Scratch of a task; strips (P, STRIP) are stored one after another. */
typedef struct {
    float *gradient;        /* (TILE, PANEL), its rows in RowOrder's order */
    float *packed;          /* strips of (TILE, STRIP): the tile of W */
    float *dy;              /* strips of (update's n, STRIP) */
    float *y;               /* strips of (n, STRIP) */
    float *rows;            /* (TILE, update's n): the rows of a tile of xt that are not sparse */
    guint64 *bitmaps;       /* (TILE, words of update's n): non-zeros of a tile of xt, by rows */
    guint32 *image_bitmaps; /* (n): the same by columns */
} Scratch;

/* Floats of a task's scratch for batches of n images, whole lines. */
static gsize scratch_floats(int n)
{
    gsize bytes = ((gsize)2 * TILE * PANEL + (gsize)2 * PANEL * n + (gsize)TILE * n) * sizeof(float) +
                  TILE * parts_of((gsize)n, SPARSE_WORD) * sizeof(guint64) + n * sizeof(guint32);
    return floats_whole_lines(bytes / sizeof(float));
}

/* ---- Prefetching the next tile, a few lines at a time, while this one is computed ---- */
typedef struct {
    const float *arrays[3]; /* panel's first column of W and slots, at the tile's first row */
    int count;              /* of arrays */
    int rows, columns, units;
    int array, row, column; /* what to prefetch next */
} Prefetch;

static void prefetch_some(Prefetch *ahead, int lines)
{
    while (lines > 0 && ahead->array < ahead->count) {
        const float *row = ahead->arrays[ahead->array] + (gsize)ahead->row * ahead->units;
        int column = ahead->column, end = MIN(ahead->columns, column + lines * FLOATS_LINE);
        for (; column < end; column += FLOATS_LINE, lines--)
            __builtin_prefetch(row + column, 1, 2);
        ahead->column = column;
        if (column < ahead->columns)
            return;
        ahead->column = 0;
        if (++ahead->row == ahead->rows) {
            ahead->row = 0;
            ahead->array++;
        }
    }
}

static Prefetch prefetch_tile(const Pass *pass, int first, int columns, int row)
{
    const DenseUpdate *u = pass->update;
    const float *arrays[3] = {pass->kernel, u ? u->kernel.m : NULL, u ? u->kernel.v : NULL};
    Prefetch ahead = {
        .rows = MIN(TILE, pass->dense->features - row), .columns = columns, .units = pass->dense->units};
    for (int i = 0; i < 3; i++)
        if (arrays[i] && ahead.rows > 0)
            ahead.arrays[ahead.count++] = arrays[i] + (gsize)row * pass->dense->units + first;
    return ahead;
}

/* ---- Between rows of a matrix and strips ---- */

/* Copies rows of `columns` floats with leading dimension ld into strips of depth rows each; the last strip is padded
 * with zeros. */
static void pack(const float *from, gsize ld, int rows, int columns, float *strips, int depth)
{
    for (int s = 0; s * STRIP < columns; s++) {
        int width = MIN(STRIP, columns - s * STRIP);
        for (int r = 0; r < rows; r++) {
            float *to = strips + ((gsize)s * depth + r) * STRIP;
            if (width == STRIP) { /* a constant length: many times faster */
                memcpy(to, from + r * ld + s * STRIP, STRIP * sizeof(float));
                continue;
            }
            memcpy(to, from + r * ld + s * STRIP, width * sizeof(float));
            memset(to + width, 0, (STRIP - width) * sizeof(float));
        }
    }
}

static void unpack(const float *strips, int depth, int columns, float *to, gsize ld)
{
    for (int s = 0; s * STRIP < columns; s++)
        for (int r = 0; r < depth; r++)
            memcpy(to + r * ld + s * STRIP, strips + ((gsize)s * depth + r) * STRIP,
                   MIN(STRIP, columns - s * STRIP) * sizeof(float));
}

/* ---- The pass ---- */

/* Gradient of the bias, and its update. */
static void update_bias(const Pass *pass, const Scratch *scratch, int first, int columns)
{
    const DenseUpdate *u = pass->update;
    OptimizerStep step = *u->step;
    float gradient[PANEL] = {0};
    step.decay = 0;
    for (int s = 0; s * STRIP < columns; s++)
        for (int n = 0; n < u->batch.n; n++)
            for (int k = 0; k < STRIP; k++)
                gradient[s * STRIP + k] += scratch->dy[((gsize)s * u->batch.n + n) * STRIP + k];
    pass->kernels->update(&step, columns, gradient, parameters_from(&u->bias, (gsize)first));
}

/* Number of strips from strip s on, at most SPARSE_STRIPS. */
static int strips_from(int s, int columns)
{
    return MIN(SPARSE_STRIPS, (columns - s * STRIP + STRIP - 1) / STRIP);
}

static gboolean is_sparse(gsize nonzeros, gsize elements)
{
    return (double)nonzeros < SPARSE_SHARE * (double)elements;
}

/* Rows of a tile of xt: first the `full` rows that are not sparse, then the sparse ones. */
typedef struct {
    int full;
    int rows[TILE];
} RowOrder;

/* Copies the rows that are not sparse to scratch's rows, and fills its bitmaps for all rows. */
static RowOrder order_rows(const Pass *pass, const Scratch *scratch, const Tile *tile)
{
    const DenseBatch *batch = &pass->update->batch;
    RowOrder order = {0};
    gsize words = parts_of((gsize)batch->n, SPARSE_WORD);
    for (int r = 0, last = tile->rows; r < tile->rows; r++) {
        const float *x = batch->xt + (gsize)(tile->row + r) * pass->dense->batch;
        guint64 *bitmap = scratch->bitmaps + r * words;
        if (is_sparse(pass->sparse->along(x, batch->n, bitmap), batch->n)) {
            order.rows[--last] = r;
        } else {
            memcpy(scratch->rows + (gsize)order.full * batch->n, x, batch->n * sizeof(float));
            order.rows[order.full++] = r;
        }
    }
    return order;
}

/* The kernel's gradient in up to SPARSE_STRIPS strips from s on. */
static void gradient_of_strips(const Pass *pass, const Scratch *scratch, const RowOrder *order,
                               const Tile *tile, int s, Prefetch *ahead)
{
    const DenseBatch *batch = &pass->update->batch;
    int n = batch->n, block = pass->kernels->rows, strips = strips_from(s, tile->columns);
    gsize strip = (gsize)n * STRIP;
    for (int t = s; t < s + strips; t++)
        for (int i = 0; i < order->full; i += block) {
            prefetch_some(ahead, 24);
            pass->kernels->multiply(MIN(block, order->full - i), n, scratch->rows + (gsize)i * n, n, 1,
                                    scratch->dy + t * strip, scratch->gradient + (gsize)i * PANEL + t * STRIP,
                                    PANEL, FALSE);
        }
    for (int i = order->full; i < tile->rows; i++) {
        prefetch_some(ahead, 6);
        pass->sparse->multiply(scratch->bitmaps + order->rows[i] * parts_of((gsize)n, SPARSE_WORD), n,
                               batch->xt + (gsize)(tile->row + order->rows[i]) * pass->dense->batch, 1,
                               strips, scratch->dy + s * strip, strip,
                               scratch->gradient + (gsize)i * PANEL + s * STRIP, STRIP, FALSE);
    }
}

static void update_tile(const Pass *pass, const Scratch *scratch, const Tile *tile, Prefetch *ahead)
{
    const DenseUpdate *u = pass->update;
    RowOrder order = order_rows(pass, scratch, tile);
    for (int s = 0; s * STRIP < tile->columns; s += SPARSE_STRIPS)
        gradient_of_strips(pass, scratch, &order, tile, s, ahead);
    for (int i = 0; i < tile->rows; i++) {
        gsize at = (gsize)(tile->row + order.rows[i]) * pass->dense->units + tile->first;
        pass->kernels->update(u->step, tile->columns, scratch->gradient + (gsize)i * PANEL,
                              parameters_from(&u->kernel, at));
    }
}

/* Adds a tile's part to y in up to SPARSE_STRIPS strips from s on. */
static void forward_of_strips(const Pass *pass, const Scratch *scratch, const Tile *tile, int s,
                              gboolean sparse, Prefetch *ahead)
{
    const DenseBatch *batch = &pass->next;
    int block = pass->kernels->rows, strips = strips_from(s, tile->columns);
    gsize w_strip = TILE * STRIP, y_strip = (gsize)batch->n * STRIP;
    const float *x = batch->xt + (gsize)tile->row * pass->dense->batch, *w = scratch->packed + s * w_strip;
    float *y = scratch->y + s * y_strip;
    for (int n = 0; sparse && n < batch->n; n++) {
        guint64 bitmap = scratch->image_bitmaps[n];
        prefetch_some(ahead, 4);
        pass->sparse->multiply(&bitmap, tile->rows, x + n, pass->dense->batch, strips, w, w_strip,
                               y + (gsize)n * STRIP, y_strip, TRUE);
    }
    for (int t = 0; !sparse && t < strips; t++)
        for (int n = 0; n < batch->n; n += block) {
            prefetch_some(ahead, 16);
            pass->kernels->multiply(MIN(block, batch->n - n), tile->rows, x + n, 1, pass->dense->batch,
                                    w + t * w_strip, y + t * y_strip + (gsize)n * STRIP, STRIP, TRUE);
        }
}

static void forward_tile(const Pass *pass, const Scratch *scratch, const Tile *tile, Prefetch *ahead)
{
    const DenseBatch *batch = &pass->next;
    pack(pass->kernel + (gsize)tile->row * pass->dense->units + tile->first, pass->dense->units, tile->rows,
         tile->columns, scratch->packed, TILE);
    gsize nonzeros = pass->sparse->across(batch->xt + (gsize)tile->row * pass->dense->batch,
                                          pass->dense->batch, tile->rows, batch->n, scratch->image_bitmaps);
    gboolean sparse = is_sparse(nonzeros, (gsize)tile->rows * batch->n);
    for (int s = 0; s * STRIP < tile->columns; s += SPARSE_STRIPS)
        forward_of_strips(pass, scratch, tile, s, sparse, ahead);
}

static void run_panel(guint task, guint worker, gpointer data)
{
    const Pass *pass = data;
    const DenseUpdate *u = pass->update;
    int first = (int)task * pass->panel, columns = MIN(pass->panel, pass->dense->units - first),
        updated = u ? u->batch.n : 0;
    float *memory = pass->dense->scratch + worker * scratch_floats(pass->dense->batch);
    Scratch scratch = {.gradient = memory, .packed = memory + TILE * PANEL, .dy = memory + 2 * TILE * PANEL};
    scratch.y = scratch.dy + (gsize)PANEL * updated;
    scratch.rows = scratch.y + (gsize)PANEL * pass->next.n;
    scratch.bitmaps = (guint64 *)(scratch.rows + (gsize)TILE * updated);
    scratch.image_bitmaps = (guint32 *)(scratch.bitmaps + TILE * parts_of((gsize)updated, SPARSE_WORD));
    if (u) {
        pack(u->dy + first, pass->dense->units, updated, columns, scratch.dy, updated);
        update_bias(pass, &scratch, first, columns);
    }
    pack(pass->bias + first, 0, pass->next.n, columns, scratch.y, pass->next.n); /* where sums start */
    for (int row = 0; row < pass->dense->features; row += TILE) {
        Tile tile = {first, columns, row, MIN(TILE, pass->dense->features - row)};
        Prefetch ahead = prefetch_tile(pass, first, columns, MIN(row + TILE, pass->dense->features));
        if (u)
            update_tile(pass, &scratch, &tile, &ahead);
        if (pass->next.n)
            forward_tile(pass, &scratch, &tile, &ahead);
    }
    unpack(scratch.y, pass->next.n, columns, pass->y + first, pass->dense->units);
}

static void run(Pass *pass)
{
    ThreadPool *thread_pool = pass->dense->thread_pool;
    int threads = (int)thread_pool_threads(thread_pool), units = pass->dense->units,
        rounds = (units + PANEL * threads - 1) / (PANEL * threads), strips = (units + STRIP - 1) / STRIP;
    pass->panel = (strips + rounds * threads - 1) / (rounds * threads) * STRIP;
    pass->kernels = kernels_current()->dense;
    pass->sparse = kernels_current()->sparse;
    thread_pool_run(thread_pool, parts_of((gsize)units, (gsize)pass->panel), run_panel, pass);
}

void dense_forward(const Dense *dense, DenseBatch batch, const float *kernel, const float *bias, float *y)
{
    Pass pass = {.dense = dense, .next = batch, .kernel = kernel, .bias = bias, .y = y};
    run(&pass);
}

void dense_update(const Dense *dense, const DenseUpdate *update, DenseBatch next, float *y)
{
    Pass pass = {.dense = dense,
                 .update = update,
                 .next = next,
                 .kernel = update->kernel.w,
                 .bias = update->bias.w,
                 .y = y};
    run(&pass);
}

/* ---- Transposition, one block of features per task ---- */
enum { FEATURES_A_TASK = 1024, SQUARE = 16 };

typedef struct {
    const Dense *dense;
    const float *const *x;
    int n;
    float *xt;
} Transpose;

static void transpose_features(guint task, guint worker, gpointer data)
{
    const Transpose *t = data;
    int begin = (int)task * FEATURES_A_TASK, end = MIN(begin + FEATURES_A_TASK, t->dense->features);
    for (int d0 = begin; d0 < end; d0 += SQUARE)
        for (int n = 0; n < t->n; n++)
            for (int d = d0; d < MIN(d0 + SQUARE, end); d++)
                t->xt[(gsize)d * t->dense->batch + n] = t->x[n][d];
}

void dense_transpose(const Dense *dense, const float *const *x, int n, float *xt)
{
    Transpose transpose = {dense, x, n, xt};
    thread_pool_run(dense->thread_pool, parts_of((gsize)dense->features, FEATURES_A_TASK), transpose_features,
                    &transpose);
}

/* ---- Gradient with respect to the input: dxᵀ = W dyᵀ, a block of features per task. A tile of W stays in the cache
 * while it is multiplied by INPUT_STRIPS strips of dyᵀ. ---- */
enum {
    INPUT_ROWS = 32,
    INPUT_DEPTH = 512,
    INPUT_STRIPS = 4,
    INPUT_FLOATS = INPUT_ROWS * (INPUT_DEPTH + INPUT_STRIPS * STRIP), /* of a worker's scratch */
};

typedef struct {
    const Dense *dense;
    const float *dy, *kernel;
    int n;
    float *dx;
    float *dyt;     /* strips of (K, STRIP): 32 images each, anything beyond n */
    float *workers; /* for each: a tile of W, and sums */
    const DenseKernels *kernels;
} InputGradient;

static gsize transposed_floats(const Dense *dense)
{
    return (gsize)parts_of((gsize)dense->batch, STRIP) * STRIP * (gsize)dense->units;
}

static void transpose_strips(guint task, guint worker, gpointer data)
{
    const InputGradient *g = data;
    int begin = (int)task * INPUT_DEPTH, end = MIN(begin + INPUT_DEPTH, g->dense->units);
    for (int i = 0; i < g->n; i++) {
        float *strip = g->dyt + (gsize)(i / STRIP) * g->dense->units * STRIP + i % STRIP;
        for (int k = begin; k < end; k++)
            strip[(gsize)k * STRIP] = g->dy[(gsize)i * g->dense->units + k];
    }
}

/* sums: strips of (INPUT_ROWS, STRIP), the first one for strip `first`. */
static void sum_strips(const InputGradient *g, int row, int rows, int first, int strips, float *tile,
                       float *sums)
{
    int block = g->kernels->rows;
    const float *kernel = g->kernel + (gsize)row * g->dense->units;
    for (int at = 0; at < g->dense->units; at += INPUT_DEPTH) {
        int depth = MIN(INPUT_DEPTH, g->dense->units - at), next = MIN(at + INPUT_DEPTH, g->dense->units);
        Prefetch ahead = {.arrays = {kernel + next},
                          .count = next < g->dense->units,
                          .rows = rows,
                          .columns = MIN(INPUT_DEPTH, g->dense->units - next),
                          .units = g->dense->units};
        for (int r = 0; r < rows; r++)
            memcpy(tile + (gsize)r * INPUT_DEPTH, kernel + (gsize)r * g->dense->units + at,
                   depth * sizeof(float));
        for (int s = 0; s < strips; s++)
            for (int r = 0; r < rows; r += block) {
                prefetch_some(&ahead, 128);
                g->kernels->multiply(MIN(block, rows - r), depth, tile + (gsize)r * INPUT_DEPTH, INPUT_DEPTH,
                                     1, g->dyt + ((gsize)(first + s) * g->dense->units + at) * STRIP,
                                     sums + ((gsize)s * INPUT_ROWS + r) * STRIP, STRIP, at > 0);
            }
    }
}

static void input_gradient_block(guint task, guint worker, gpointer data)
{
    const InputGradient *g = data;
    int row = (int)task * INPUT_ROWS, rows = MIN(INPUT_ROWS, g->dense->features - row),
        all = (int)parts_of((gsize)g->n, STRIP);
    float *tile = g->workers + worker * INPUT_FLOATS, *sums = tile + INPUT_ROWS * INPUT_DEPTH;
    for (int first = 0; first < all; first += INPUT_STRIPS) {
        int strips = MIN(INPUT_STRIPS, all - first), images = MIN(strips * STRIP, g->n - first * STRIP);
        sum_strips(g, row, rows, first, strips, tile, sums);
        for (int i = 0; i < images; i++) {
            float *dx = g->dx + (gsize)(first * STRIP + i) * g->dense->features + row;
            for (int r = 0; r < rows; r++)
                dx[r] = sums[((gsize)(i / STRIP) * INPUT_ROWS + r) * STRIP + i % STRIP];
        }
    }
}

void dense_input_gradient(const Dense *dense, const float *dy, int n, const float *kernel, float *dx)
{
    InputGradient gradient = {.dense = dense, .dy = dy, .kernel = kernel, .n = n, .dx = dx};
    gradient.dyt = dense->scratch;
    gradient.workers = dense->scratch + transposed_floats(dense);
    gradient.kernels = kernels_current()->dense;
    thread_pool_run(dense->thread_pool, parts_of((gsize)dense->units, INPUT_DEPTH), transpose_strips,
                    &gradient);
    thread_pool_run(dense->thread_pool, parts_of((gsize)dense->features, INPUT_ROWS), input_gradient_block,
                    &gradient);
}

Dense dense_new(Arena *arena, int features, int units, int batch, gboolean passes_back,
                ThreadPool *thread_pool)
{
    Dense dense = {thread_pool, features, units, batch, NULL};
    gsize threads = thread_pool_threads(thread_pool), pass = threads * scratch_floats(batch),
          back = passes_back ? transposed_floats(&dense) + threads * INPUT_FLOATS : 0;
    dense.scratch = arena_shared(arena, ARENA_SCRATCH, MAX(pass, back));
    return dense;
}
