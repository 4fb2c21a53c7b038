#include "train/linear/gram_factor.h"

#include "common/core/error.h"
#include "common/core/interrupt.h"

#include <cblas.h>
#include <math.h>

enum {
    TILE = 512,  /* largest number of rows in a tile of G */
    TILES = 3,   /* smallest number of tiles along a side, so that threads can share them */
    PANEL = 128, /* columns factored together */
    CHUNK = 1024 /* features unpacked at a time, 8 KiB per row */
};
static const double smallest_pivot = 1e-12; /* of the largest diagonal entry */

typedef struct {
    const Samples *samples;
    guint n;
    guint tile, tiles;  /* rows of a tile of G, tiles of its side */
    gsize first, count; /* the current features */
    double *packed;     /* (N, count): those features of all rows, scaled */
    double *matrix;     /* (N, N): G, then L */
    guint panel;        /* first row and column of the panel being factored */
    guint outputs;      /* K */
    const double *w;    /* (K, N) */
    float *kernel;      /* (D, K) */
} Work;

gsize gram_factor_memory(guint n)
{
    return (gsize)n * n * sizeof(double) + (gsize)n * CHUNK * sizeof(double);
}

/* Equal tiles, so that no narrow one is left over. */
static Work work_new(const Samples *samples)
{
    guint n = samples->n, tiles = MAX(TILES, (n + TILE - 1) / TILE);
    guint tile = ((n + tiles - 1) / tiles + 7) / 8 * 8;
    return (Work){.samples = samples, .n = n, .tile = tile, .tiles = (n + tile - 1) / tile};
}

static void pack_rows(guint task, guint worker, gpointer data)
{
    Work *work = data;
    float row[CHUNK];
    for (guint i = task * work->tile; i < MIN(work->n, (task + 1) * work->tile); i++) {
        samples_take(work->samples, i, work->first, work->count, row);
        for (gsize j = 0; j < work->count; j++)
            work->packed[i * work->count + j] = row[j];
    }
}

/* Calls task for each CHUNK of features when `packed` holds it, until interrupted. */
static void for_each_chunk(Work *work, ThreadPool *thread_pool, guint tasks, ThreadPoolTask task)
{
    gsize features = work->samples->features;
    work->packed = g_new(double, work->n *MIN(features, CHUNK));
    for (work->first = 0; work->first < features && !interrupted(); work->first += CHUNK) {
        work->count = MIN(CHUNK, features - work->first);
        thread_pool_run(thread_pool, work->tiles, pack_rows, work);
        thread_pool_run(thread_pool, tasks, task, work);
    }
    g_clear_pointer(&work->packed, g_free);
}

/* Tile (i, j), j <= i, of the lower triangle, numbered row by row. */
static void tile_position(guint task, guint *i, guint *j)
{
    *i = (guint)((sqrt(8.0 * task + 1) - 1) / 2);
    while ((*i + 1) * (*i + 2) / 2 <= task)
        ++*i;
    while (*i * (*i + 1) / 2 > task)
        --*i;
    *j = task - *i * (*i + 1) / 2;
}

static void gram_tile(guint task, guint worker, gpointer data)
{
    Work *work = data;
    guint i, j, n = work->n;
    tile_position(task, &i, &j);
    i *= work->tile, j *= work->tile;
    gsize count = work->count;
    const double *rows = work->packed + i * count, *columns = work->packed + j * count;
    double *tile = work->matrix + (gsize)i * n + j;
    guint height = MIN(work->tile, n - i);
    if (i == j)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, height, count, 1, rows, count, 1, tile, n);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, height, work->tile, count, 1, rows, count,
                    columns, count, 1, tile, n);
}

/* Left-looking: subtracts from the panel's rows what the columns before it explain. */
static void update_panel(guint task, guint worker, gpointer data)
{
    Work *work = data;
    guint n = work->n, k = work->panel, i = k + task * PANEL;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, MIN(PANEL, n - i), MIN(PANEL, n - k), k, -1,
                work->matrix + (gsize)i * n, n, work->matrix + (gsize)k * n, n, 1,
                work->matrix + (gsize)i * n + k, n);
}

static void solve_panel(guint task, guint worker, gpointer data)
{
    Work *work = data;
    guint n = work->n, k = work->panel, i = k + (task + 1) * PANEL;
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, MIN(PANEL, n - i), PANEL, 1,
                work->matrix + (gsize)k * n + k, n, work->matrix + (gsize)i * n + k, n);
}

/* The panel's own triangle, at a (size, size) with rows n apart. */
static void factor_diagonal(double *a, guint size, guint n, double floor)
{
    for (guint j = 0; j < size; j++)
        for (guint i = j; i < size; i++) {
            double *row = a + (gsize)i * n, *pivot = a + (gsize)j * n;
            double rest = row[j] - cblas_ddot(j, row, 1, pivot, 1);
            row[j] = i == j ? sqrt(MAX(rest, floor)) : rest / pivot[j];
        }
}

static void factor(Work *work, ThreadPool *thread_pool)
{
    guint n = work->n;
    double largest = 0;
    for (guint i = 0; i < n; i++)
        largest = MAX(largest, work->matrix[(gsize)i * n + i]);
    for (work->panel = 0; work->panel < n && !interrupted(); work->panel += PANEL) {
        guint k = work->panel, rows = (n - k + PANEL - 1) / PANEL;
        if (k > 0)
            thread_pool_run(thread_pool, rows, update_panel, work);
        factor_diagonal(work->matrix + (gsize)k * n + k, MIN(PANEL, n - k), n, smallest_pivot * largest);
        thread_pool_run(thread_pool, rows - 1, solve_panel, work);
    }
}

GramFactor *gram_factor_new(const Samples *samples, ThreadPool *thread_pool, GError **error)
{
    guint n = samples->n;
    Work work = work_new(samples);
    double start = samples->bias >= 0 ? samples->bias * samples->bias : 0;
    work.matrix = g_try_new(double, (gsize)n *n);
    if (!work.matrix) {
        error_set(error, "the Gram matrix of %u images needs %.1f GB; use --no-reduce or fewer images", n,
                  gram_factor_memory(n) / 1e9);
        return NULL;
    }
    for (guint i = 0; i < n; i++)
        for (guint j = 0; j <= i; j++)
            work.matrix[(gsize)i * n + j] = start;
    for_each_chunk(&work, thread_pool, work.tiles * (work.tiles + 1) / 2, gram_tile);
    gboolean zero = TRUE;
    for (guint i = 0; i < n && zero; i++)
        zero = work.matrix[(gsize)i * n + i] == start;
    if (!zero)
        factor(&work, thread_pool);
    if (zero || interrupted()) {
        g_free(work.matrix);
        error_set(error, interrupted()
                             ? "interrupted"
                             : "all features are zero after scaling: there is nothing to learn from");
        return NULL;
    }
    GramFactor *gram_factor = g_new(GramFactor, 1);
    *gram_factor = (GramFactor){n, work.matrix};
    return gram_factor;
}

void gram_factor_free(GramFactor *gram_factor)
{
    if (!gram_factor)
        return;
    g_free(gram_factor->factor);
    g_free(gram_factor);
}

/* PANEL columns of the chunk: kernelᵀ = w (K, N) times packed (N, PANEL). */
static void weights_tile(guint task, guint worker, gpointer data)
{
    Work *work = data;
    gsize begin = task * PANEL, outputs = work->outputs;
    if (begin >= work->count)
        return;
    gsize count = MIN(PANEL, work->count - begin);
    g_autofree double *product = g_new(double, outputs *count);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, outputs, count, work->n, 1, work->w, work->n,
                work->packed + begin, work->count, 0, product, count);
    float *kernel = work->kernel + (work->first + begin) * outputs;
    for (gsize j = 0; j < count; j++)
        for (gsize k = 0; k < outputs; k++)
            kernel[j * outputs + k] = (float)product[k * count + j];
}

void gram_factor_weights(const GramFactor *gram_factor, const Samples *samples, ThreadPool *thread_pool,
                         double *w, guint outputs, float *kernel, float *bias)
{
    guint n = gram_factor->n;
    /* In column-major order L's rows are the columns of the upper triangle Lᵀ, and w's rows are columns. */
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, n, outputs, 1,
                gram_factor->factor, n, w, n);
    Work work = work_new(samples);
    work.outputs = outputs, work.w = w, work.kernel = kernel;
    for_each_chunk(&work, thread_pool, CHUNK / PANEL, weights_tile);
    double squared = samples->bias >= 0 ? samples->bias * samples->bias : 0;
    for (guint k = 0; k < outputs; k++) {
        double sum = 0;
        for (guint i = 0; i < n; i++)
            sum += w[(gsize)k * n + i];
        bias[k] = (float)(sum * squared);
    }
}
