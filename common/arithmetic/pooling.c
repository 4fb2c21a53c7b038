/* pooling: see pooling.h. A task is a row of windows, or an image of which the average is taken. */
#include "common/arithmetic/pooling.h"

#include "common/arithmetic/kernels.h"

#include <string.h>

enum { CHANNELS = 64 }; /* processed at a time by the gradient */

typedef struct {
    float *out; /* y, or with dy dx */
    const float *x, *dy;
    int height, width, channels, size;
    int rows, columns; /* of windows */
    const PoolingKernels *kernels;
} Pooling;

/* Offset of pixel i, row by row, of a window whose first pixel is at 0. */
static gsize window_pixel(const Pooling *p, int i)
{
    return ((gsize)(i / p->size) * p->width + i % p->size) * p->channels;
}

/* The first of the largest pixels receives the gradient, the others nothing. */
static void window_gradient(const Pooling *p, float *dx, const float *dy, const float *x, int channels)
{
    float largest[CHANNELS], rest[CHANNELS];
    p->kernels->largest_of_window(x, (gsize)p->width * p->channels, p->channels, p->size, channels, largest);
    memcpy(rest, dy, channels * sizeof(float));
    for (int i = 0; i < p->size * p->size; i++) {
        const float *pixel = x + window_pixel(p, i);
        float *to = dx + window_pixel(p, i);
        for (int c = 0; c < channels; c++) {
            float taken = pixel[c] == largest[c] ? rest[c] : 0;
            to[c] = taken;
            rest[c] = pixel[c] == largest[c] ? 0 : rest[c];
        }
    }
}

/* Lines of pixels of a row of windows; the last row includes the leftover lines. */
static int lines_of(const Pooling *p, int row)
{
    return row + 1 < p->rows ? p->size : p->height - row * p->size;
}

/* Pools the window whose first pixel is at x + from into y + to. */
static void pool_window(const Pooling *p, gsize from, gsize to)
{
    gsize line = (gsize)p->width * p->channels;
    if (!p->dy)
        p->kernels->largest_of_window(p->x + from, line, p->channels, p->size, p->channels, p->out + to);
    for (int c = 0; p->dy && c < p->channels; c += CHANNELS)
        window_gradient(p, p->out + from + c, p->dy + to + c, p->x + from + c,
                        MIN(CHANNELS, p->channels - c));
}

static void pool_row(guint task, guint worker, gpointer data)
{
    const Pooling *p = data;
    int image = (int)task / p->rows, row = (int)task % p->rows;
    gsize line = (gsize)p->width * p->channels, start = ((gsize)image * p->height + row * p->size) * line;
    if (p->dy)
        memset(p->out + start, 0, lines_of(p, row) * line * sizeof(float));
    for (int column = 0; column < p->columns; column++)
        pool_window(p, start + (gsize)column * p->size * p->channels,
                    ((gsize)task * p->columns + column) * p->channels);
}

void max_pooling(ThreadPool *thread_pool, float *out, const float *dy, const float *x, int n, const int in[3],
                 int size)
{
    const Pooling p = {.out = out,
                       .x = x,
                       .dy = dy,
                       .height = in[0],
                       .width = in[1],
                       .channels = in[2],
                       .size = size,
                       .rows = in[0] / size,
                       .columns = in[1] / size,
                       .kernels = kernels_current()->pooling};
    thread_pool_run(thread_pool, (guint)n * (guint)p.rows, pool_row, (gpointer)&p);
}

/* ---- The average over all places ---- */

typedef struct {
    float *out; /* y, or with dy dx */
    const float *x, *dy;
    int places, channels;
} Average;

static void average_image(guint image, guint worker, gpointer data)
{
    const Average *a = data;
    float *y = a->out + (gsize)image * a->channels;
    const float *x = a->x + (gsize)image * a->places * a->channels;
    memset(y, 0, (gsize)a->channels * sizeof *y);
    for (int p = 0; p < a->places; p++, x += a->channels)
        for (int c = 0; c < a->channels; c++)
            y[c] += x[c];
    for (int c = 0; c < a->channels; c++)
        y[c] /= (float)a->places;
}

static void spread_image(guint image, guint worker, gpointer data)
{
    const Average *a = data;
    float *dx = a->out + (gsize)image * a->places * a->channels;
    const float *dy = a->dy + (gsize)image * a->channels;
    for (int p = 0; p < a->places; p++, dx += a->channels)
        for (int c = 0; c < a->channels; c++)
            dx[c] = dy[c] / (float)a->places;
}

void average_pooling(ThreadPool *thread_pool, float *out, const float *dy, const float *x, int n,
                     const int in[3])
{
    Average average = {out, x, dy, in[0] * in[1], in[2]};
    thread_pool_run(thread_pool, (guint)n, dy ? spread_image : average_image, &average);
}
