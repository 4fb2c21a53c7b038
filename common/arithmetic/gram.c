/* gram: see gram.h. */
#include "common/arithmetic/gram.h"

#include "common/arithmetic/blas.h"
#include "common/core/interrupt.h"

enum {
    TILE = 512,  /* largest number of rows in a tile of G */
    TILES = 3,   /* smallest number of tiles along a side, so that threads can share them */
    SLICE = 128, /* features per task of gram_combine */
    CHUNK = 1024 /* features unpacked at a time, 8 KiB per row */
};

typedef struct {
    const Rows *rows;
    guint n;
    guint tile, tiles;  /* rows of a tile of G, tiles along its side */
    gsize first, count; /* the current features */
    double *packed;     /* (N, count): those features of all rows */
    double *matrix;     /* (N, N): G */
    guint outputs;      /* K */
    const double *w;    /* (K, N) */
    float *kernel;      /* (D, K) */
} Work;

double *gram_scratch(Arena *arena, guint n, gsize width)
{
    gsize floats = n * MIN(width, CHUNK) * sizeof(double) / sizeof(float);
    return (double *)arena_shared(arena, ARENA_SCRATCH, floats);
}

/* With tiles of equal size, so that none is narrow. */
static Work work_new(const Rows *rows, double *scratch)
{
    guint n = rows->n, tiles = MAX(TILES, (n + TILE - 1) / TILE);
    guint tile = ((n + tiles - 1) / tiles + 7) / 8 * 8;
    return (Work){.rows = rows, .n = n, .tile = tile, .tiles = (n + tile - 1) / tile, .packed = scratch};
}

static void pack_rows(guint task, guint worker, gpointer data)
{
    Work *work = data;
    float buffer[CHUNK];
    for (guint i = task * work->tile; i < MIN(work->n, (task + 1) * work->tile); i++) {
        const float *row = rows_part(work->rows, i, work->first, work->count, buffer);
        for (gsize j = 0; j < work->count; j++)
            work->packed[i * work->count + j] = row[j];
    }
}

/* Fills `packed` with one CHUNK of features after another and runs the tasks on each, until interrupted. */
static void for_each_chunk(Work *work, ThreadPool *thread_pool, guint tasks, ThreadPoolTask task)
{
    blas_startup(thread_pool_threads(thread_pool));
    gsize features = work->rows->width;
    for (work->first = 0; work->first < features && !interrupted(); work->first += CHUNK) {
        work->count = MIN(CHUNK, features - work->first);
        thread_pool_run(thread_pool, work->tiles, pack_rows, work);
        thread_pool_run(thread_pool, tasks, task, work);
    }
}

/* Tile (i, j), j <= i, of the lower triangle, numbered row by row. */
static void tile_position(guint task, guint *i, guint *j)
{
    *i = 0;
    while (task > *i)
        task -= ++*i;
    *j = task;
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
        blas()->cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, height, count, 1, rows, count, 1, tile,
                            n);
    else
        blas()->cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, height, work->tile, count, 1, rows,
                            count, columns, count, 1, tile, n);
}

void gram_add(const Rows *rows, ThreadPool *thread_pool, double *scratch, double *matrix)
{
    Work work = work_new(rows, scratch);
    work.matrix = matrix;
    for_each_chunk(&work, thread_pool, work.tiles * (work.tiles + 1) / 2, gram_tile);
}

/* SLICE columns of the chunk: kernelᵀ = w (K, N) times packed (N, SLICE). */
static void weights_tile(guint task, guint worker, gpointer data)
{
    Work *work = data;
    gsize begin = task * SLICE, outputs = work->outputs;
    if (begin >= work->count)
        return;
    gsize count = MIN(SLICE, work->count - begin);
    g_autofree double *product = g_new(double, outputs *count);
    blas()->cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, outputs, count, work->n, 1, work->w,
                        work->n, work->packed + begin, work->count, 0, product, count);
    float *kernel = work->kernel + (work->first + begin) * outputs;
    for (gsize j = 0; j < count; j++)
        for (gsize k = 0; k < outputs; k++)
            kernel[j * outputs + k] = (float)product[k * count + j];
}

void gram_combine(const Rows *rows, ThreadPool *thread_pool, double *scratch, const double *w, guint outputs,
                  float *kernel)
{
    Work work = work_new(rows, scratch);
    work.outputs = outputs, work.w = w, work.kernel = kernel;
    for_each_chunk(&work, thread_pool, CHUNK / SLICE, weights_tile);
}
