/* dense: see dense.h. A task is a panel of up to PANEL columns of W; it walks down the panel in tiles of TILE
 * rows, small enough that a tile of W, its slots, the gradient and the packed copy stay in the second-level
 * cache together. A column's sums do not depend on the panel that it is in, so panels are cut to suit the
 * number of threads. */
#include "common/network/dense.h"

#include "common/arithmetic/kernels.h"
#include "common/core/floats.h"

#include <cblas.h>
#include <string.h>

enum {
    PANEL = 512,               /* columns: longer contiguous runs are better for memory */
    TILE = 32,                 /* rows */
    LINE = 64 / sizeof(float), /* floats in a cache line */
};

typedef struct {
    int ld, features, units;
    int panel;                 /* columns per task */
    const DenseUpdate *update; /* NULL: forward only */
    int n;                     /* images of the forward batch; 0: none */
    const float *xt;
    const float *kernel, *bias;
    float *y;
    const DenseKernels *kernels;
} Pass;

/* Each task's own scratch; strips (P, STRIP) lie one after another. */
typedef struct {
    float *gradient; /* (TILE, PANEL) */
    float *packed;   /* strips of (TILE, STRIP): the tile of W */
    float *dy;       /* strips of (update's n, STRIP) */
    float *y;        /* strips of (n, STRIP) */
} Scratch;

gsize dense_scratch(int n)
{
    return ((gsize)2 * TILE * PANEL + (gsize)2 * PANEL * n) * sizeof(float);
}

/* ---- Prefetching the next tile, a few lines at a time, while this one is computed ---- */
typedef struct {
    const float *arrays[3]; /* panel's first column of W and slots, at the tile's first row */
    int rows, columns, units;
    int array, row, column; /* what to prefetch next */
} Prefetch;

static void prefetch_some(Prefetch *ahead, int lines)
{
    while (lines && ahead->array < 3) {
        const float *array = ahead->arrays[ahead->array];
        if (array && ahead->row < ahead->rows) {
            __builtin_prefetch(array + (gsize)ahead->row * ahead->units + ahead->column, 1, 2);
            lines--;
            if ((ahead->column += LINE) < ahead->columns)
                continue;
            ahead->column = 0;
            ahead->row++;
        } else {
            ahead->array++;
            ahead->row = 0;
        }
    }
}

static Prefetch prefetch_tile(const Pass *pass, int first, int columns, int row)
{
    const DenseUpdate *u = pass->update;
    gsize at = (gsize)row * pass->units + first;
    return (Prefetch){
        .arrays = {pass->kernel + at, u && u->kernel_m ? u->kernel_m + at : NULL,
                   u && u->kernel_v ? u->kernel_v + at : NULL},
        .rows = MIN(TILE, pass->features - row),
        .columns = columns,
        .units = pass->units,
    };
}

/* ---- Between rows of a matrix and strips ---- */

/* rows of `columns` floats with leading dimension ld into strips of depth rows each; the last strip is
 * padded with zeros. */
static void pack(const float *from, gsize ld, int rows, int columns, float *strips, int depth)
{
    for (int s = 0; s * STRIP < columns; s++) {
        int width = MIN(STRIP, columns - s * STRIP);
        for (int r = 0; r < rows; r++) {
            float *to = strips + ((gsize)s * depth + r) * STRIP;
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
        for (int n = 0; n < u->n; n++)
            for (int k = 0; k < STRIP; k++)
                gradient[s * STRIP + k] += scratch->dy[((gsize)s * u->n + n) * STRIP + k];
    pass->kernels->update(&step, columns, gradient, u->bias + first, u->bias_m ? u->bias_m + first : NULL,
                          u->bias_v ? u->bias_v + first : NULL);
}

static void update_tile(const Pass *pass, const Scratch *scratch, int first, int columns, int row, int rows,
                        Prefetch *ahead)
{
    const DenseUpdate *u = pass->update;
    int block = pass->kernels->rows;
    for (int s = 0; s * STRIP < columns; s++)
        for (int r = 0; r < rows; r += block) {
            prefetch_some(ahead, 24);
            pass->kernels->multiply(MIN(block, rows - r), u->n, u->xt + (gsize)(row + r) * pass->ld, pass->ld,
                                    1, scratch->dy + (gsize)s * u->n * STRIP,
                                    scratch->gradient + (gsize)r * PANEL + s * STRIP, PANEL, FALSE);
        }
    for (int r = 0; r < rows; r++) {
        gsize at = (gsize)(row + r) * pass->units + first;
        pass->kernels->update(u->step, columns, scratch->gradient + (gsize)r * PANEL, u->kernel + at,
                              u->kernel_m ? u->kernel_m + at : NULL, u->kernel_v ? u->kernel_v + at : NULL);
    }
}

static void forward_tile(const Pass *pass, const Scratch *scratch, int first, int columns, int row, int rows,
                         Prefetch *ahead)
{
    int block = pass->kernels->rows;
    pack(pass->kernel + (gsize)row * pass->units + first, pass->units, rows, columns, scratch->packed, TILE);
    for (int s = 0; s * STRIP < columns; s++)
        for (int n = 0; n < pass->n; n += block) {
            prefetch_some(ahead, 16);
            pass->kernels->multiply(MIN(block, pass->n - n), rows, pass->xt + (gsize)row * pass->ld + n, 1,
                                    pass->ld, scratch->packed + (gsize)s * TILE * STRIP,
                                    scratch->y + ((gsize)s * pass->n + n) * STRIP, STRIP, TRUE);
        }
}

static void start_sums(const Pass *pass, const Scratch *scratch, int first, int columns)
{
    for (int n = 0; n < pass->n; n++)
        for (int s = 0; s * STRIP < columns; s++)
            memcpy(scratch->y + ((gsize)s * pass->n + n) * STRIP, pass->bias + first + s * STRIP,
                   MIN(STRIP, columns - s * STRIP) * sizeof(float));
}

static void run_panel(guint task, guint worker, gpointer data)
{
    const Pass *pass = data;
    const DenseUpdate *u = pass->update;
    int first = (int)task * pass->panel, columns = MIN(pass->panel, pass->units - first),
        updated = u ? u->n : 0;
    float *memory = floats_new(dense_scratch(MAX(pass->n, updated)) / sizeof(float));
    Scratch scratch = {.gradient = memory, .packed = memory + TILE * PANEL, .dy = memory + 2 * TILE * PANEL};
    scratch.y = scratch.dy + (gsize)PANEL * updated;
    if (u) {
        pack(u->dy + first, pass->units, u->n, columns, scratch.dy, u->n);
        update_bias(pass, &scratch, first, columns);
    }
    start_sums(pass, &scratch, first, columns);
    for (int row = 0; row < pass->features; row += TILE) {
        int rows = MIN(TILE, pass->features - row);
        Prefetch ahead = prefetch_tile(pass, first, columns, MIN(row + TILE, pass->features));
        if (u)
            update_tile(pass, &scratch, first, columns, row, rows, &ahead);
        if (pass->n)
            forward_tile(pass, &scratch, first, columns, row, rows, &ahead);
    }
    unpack(scratch.y, pass->n, columns, pass->y + first, pass->units);
    floats_free(memory);
}

static void run(ThreadPool *thread_pool, Pass *pass)
{
    int threads = (int)thread_pool_threads(thread_pool),
        rounds = (pass->units + PANEL * threads - 1) / (PANEL * threads);
    int strips = (pass->units + STRIP - 1) / STRIP;
    pass->panel = (strips + rounds * threads - 1) / (rounds * threads) * STRIP;
    pass->kernels = kernels_current()->dense;
    thread_pool_run(thread_pool, (pass->units + pass->panel - 1) / pass->panel, run_panel, pass);
}

void dense_forward(ThreadPool *thread_pool, const float *xt, int n, int ld, int features, int units,
                   const float *kernel, const float *bias, float *y)
{
    Pass pass = {ld, features, units, 0, NULL, n, xt, kernel, bias, y, NULL};
    run(thread_pool, &pass);
}

void dense_update_forward(ThreadPool *thread_pool, const DenseUpdate *update, const float *xt, int n, int ld,
                          int features, int units, float *y)
{
    Pass pass = {ld, features, units, 0, update, n, xt, update->kernel, update->bias, y, NULL};
    run(thread_pool, &pass);
}

void dense_update(ThreadPool *thread_pool, const DenseUpdate *update, int ld, int features, int units)
{
    dense_update_forward(thread_pool, update, NULL, 0, ld, features, units, NULL);
}

/* ---- Transposition, one block of features per task ---- */
enum { FEATURES_A_TASK = 1024, SQUARE = 16 };

typedef struct {
    const float *const *x;
    int n, features, ld;
    float *xt;
} Transpose;

static void transpose_features(guint task, guint worker, gpointer data)
{
    const Transpose *t = data;
    int begin = (int)task * FEATURES_A_TASK, end = MIN(begin + FEATURES_A_TASK, t->features);
    for (int d0 = begin; d0 < end; d0 += SQUARE)
        for (int n = 0; n < t->n; n++)
            for (int d = d0; d < MIN(d0 + SQUARE, end); d++)
                t->xt[(gsize)d * t->ld + n] = t->x[n][d];
}

void dense_transpose(ThreadPool *thread_pool, const float *const *x, int n, int features, float *xt, int ld)
{
    Transpose transpose = {x, n, features, ld, xt};
    thread_pool_run(thread_pool, (features + FEATURES_A_TASK - 1) / FEATURES_A_TASK, transpose_features,
                    &transpose);
}

/* ---- Gradient with respect to the input, one block of features per task ---- */
enum { GRADIENT_FEATURES = 512 };

typedef struct {
    const float *dy, *kernel;
    int n, features, units;
    float *dx;
} InputGradient;

static void input_gradient_block(guint task, guint worker, gpointer data)
{
    const InputGradient *g = data;
    int begin = (int)task * GRADIENT_FEATURES, count = MIN(GRADIENT_FEATURES, g->features - begin);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, g->n, count, g->units, 1, g->dy, g->units,
                g->kernel + (gsize)begin * g->units, g->units, 0, g->dx + begin, g->features);
}

void dense_input_gradient(ThreadPool *thread_pool, const float *dy, int n, int features, int units,
                          const float *kernel, float *dx)
{
    InputGradient gradient = {dy, kernel, n, features, units, dx};
    thread_pool_run(thread_pool, (features + GRADIENT_FEATURES - 1) / GRADIENT_FEATURES, input_gradient_block,
                    &gradient);
}
