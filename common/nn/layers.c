/* layers: see layers.h. */
#include "common/nn/layers.h"
#include "common/util/rng.h"

#include <math.h>
#include <string.h>

enum { FLOATS_A_TASK = 1 << 16 };

/* ---- ReLU ---- */
typedef struct {
    float *x;
    const float *y;
    gsize count;
} Relu;

static void relu_piece(guint task, guint worker, gpointer data)
{
    const Relu *r = data;
    gsize begin = (gsize)task * FLOATS_A_TASK, end = MIN(begin + FLOATS_A_TASK, r->count);
    if (r->y) {
        for (gsize i = begin; i < end; i++)
            r->x[i] = r->y[i] > 0 ? r->x[i] : 0;
    } else {
        /* Written so that NaN stays NaN. */
        for (gsize i = begin; i < end; i++)
            r->x[i] = r->x[i] < 0 ? 0 : r->x[i];
    }
}

void relu_forward(Crew *crew, float *x, gsize count)
{
    relu_backward(crew, x, NULL, count);
}

void relu_backward(Crew *crew, float *dy, const float *y, gsize count)
{
    Relu relu = {dy, y, count};
    crew_run(crew, (guint)((count + FLOATS_A_TASK - 1) / FLOATS_A_TASK), relu_piece, &relu);
}

/* ---- Dropout: a random stream an image ---- */
typedef struct {
    float *x;
    gsize units;
    float rate;
    guint64 seed, stream;
} Dropout;

static void drop_units(guint image, guint worker, gpointer data)
{
    const Dropout *d = data;
    float *x = d->x + image * d->units, grown = 1.0f / (1.0f - d->rate);
    Rng rng = rng_new(d->seed, d->stream + image);
    for (gsize i = 0; i < d->units; i++)
        x[i] = rng_uniform(&rng) < d->rate ? 0 : x[i] * grown;
}

void dropout(Crew *crew, float *x, int n, gsize units, float rate, guint64 seed, guint64 stream)
{
    Dropout dropout = {x, units, rate, seed, stream};
    if (rate > 0)
        crew_run(crew, n, drop_units, &dropout);
}

/* ---- Max-pooling: an image a task ---- */
typedef struct {
    float *y, *dx;
    const float *x, *dy;
    int height, width, channels, size;
} Pooling;

/* Offset in x of the largest of the window at output row oy, column ox, channel c. */
static gsize largest_of_window(const Pooling *p, const float *x, int oy, int ox, int c)
{
    gsize best = ((gsize)oy * p->size * p->width + (gsize)ox * p->size) * p->channels + c;
    for (int j = 0; j < p->size; j++)
        for (int i = 0; i < p->size; i++) {
            gsize at = ((gsize)(oy * p->size + j) * p->width + ox * p->size + i) * p->channels + c;
            best = x[at] > x[best] ? at : best;
        }
    return best;
}

static void pool_image(guint image, guint worker, gpointer data)
{
    const Pooling *p = data;
    int rows = p->height / p->size, columns = p->width / p->size;
    gsize in = (gsize)p->height * p->width * p->channels, out = (gsize)rows * columns * p->channels;
    const float *x = p->x + image * in;
    if (p->dx)
        memset(p->dx + image * in, 0, in * sizeof(float));
    for (gsize o = 0; o < out; o++) {
        int c = (int)(o % p->channels), ox = (int)(o / p->channels % columns),
            oy = (int)(o / p->channels / columns);
        gsize at = largest_of_window(p, x, oy, ox, c);
        if (p->dx)
            p->dx[image * in + at] = p->dy[image * out + o];
        else
            p->y[image * out + o] = x[at];
    }
}

void max_pooling_forward(Crew *crew, float *y, const float *x, int n, const int in[3], int size)
{
    Pooling pooling = {y, NULL, x, NULL, in[0], in[1], in[2], size};
    crew_run(crew, n, pool_image, &pooling);
}

void max_pooling_backward(Crew *crew, float *dx, const float *dy, const float *x, int n, const int in[3],
                          int size)
{
    Pooling pooling = {NULL, dx, x, dy, in[0], in[1], in[2], size};
    crew_run(crew, n, pool_image, &pooling);
}

/* ---- Softmax and its loss ---- */
static int first_largest(const float *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

void softmax(float *probabilities, const float *logits, int n, int classes)
{
    for (int i = 0; i < n; i++) {
        const float *z = logits + (gsize)i * classes;
        float *p = probabilities + (gsize)i * classes, largest = z[first_largest(z, classes)];
        double sum = 0;
        for (int c = 0; c < classes; c++)
            sum += p[c] = expf(z[c] - largest);
        for (int c = 0; c < classes; c++)
            p[c] = (float)(p[c] / sum);
    }
}

LossSum cross_entropy(float *dlogits, const float *logits, const int *labels, const float *weights, int n,
                      int classes)
{
    LossSum sum = {0};
    for (int i = 0; i < n; i++) {
        const float *z = logits + (gsize)i * classes;
        int best = first_largest(z, classes);
        double total = 0, weight = weights ? weights[i] : 1;
        for (int c = 0; c < classes; c++)
            total += exp((double)z[c] - z[best]);
        sum.loss += weight * (log(total) + z[best] - z[labels[i]]);
        sum.correct += best == labels[i];
        for (int c = 0; dlogits && c < classes; c++)
            dlogits[(gsize)i * classes + c] =
                (float)(weight / n * (exp((double)z[c] - z[best]) / total - (c == labels[i])));
    }
    return sum;
}
