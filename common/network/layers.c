/* layers: see layers.h. */
#include "common/network/layers.h"

#include "common/core/rng.h"
#include "common/network/scores.h"

#include <math.h>

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
        /* This comparison keeps NaN. */
        for (gsize i = begin; i < end; i++)
            r->x[i] = r->x[i] < 0 ? 0 : r->x[i];
    }
}

void relu(ThreadPool *thread_pool, float *x, const float *y, gsize count)
{
    Relu relu = {x, y, count};
    thread_pool_run(thread_pool, parts_of(count, FLOATS_A_TASK), relu_piece, &relu);
}

/* ---- Unit length ---- */
typedef struct {
    float *out; /* y, or dx */
    const float *x, *dy;
    gsize count;
    gboolean root;
} Unit;

float unit_factor(const float *x, gsize count, gboolean root)
{
    double squares = 0;
    for (gsize j = 0; j < count; j++)
        squares += root ? fabs(x[j]) : (double)x[j] * x[j];
    return squares > 0 ? (float)(1 / sqrt(squares)) : 1;
}

/* v = x or its root, y = f v: dv = f (dy - y (y . dy)), dx = dv / 2|v| of a root. */
static void unit_gradient(const Unit *u, float *dx, const float *dy, const float *x, float factor)
{
    double along = 0;
    for (gsize j = 0; j < u->count; j++)
        along += (double)dy[j] * (u->root ? signed_root(x[j]) : x[j]);
    float back = (float)(along * factor * factor);
    for (gsize j = 0; j < u->count; j++) {
        float v = u->root ? signed_root(x[j]) : x[j], dv = factor * (dy[j] - v * back);
        dx[j] = !u->root ? dv : v != 0 ? dv / (2 * fabsf(v)) : 0;
    }
}

static void unit_image(guint image, guint worker, gpointer data)
{
    const Unit *u = data;
    const float *x = u->x + image * u->count;
    float *out = u->out + image * u->count, factor = unit_factor(x, u->count, u->root);
    if (u->dy) {
        unit_gradient(u, out, u->dy + image * u->count, x, factor);
        return;
    }
    for (gsize j = 0; j < u->count; j++)
        out[j] = factor * (u->root ? signed_root(x[j]) : x[j]);
}

void unit_length(ThreadPool *thread_pool, float *out, const float *dy, const float *x, int n, gsize count,
                 gboolean root)
{
    Unit unit = {out, x, dy, count, root};
    thread_pool_run(thread_pool, (guint)n, unit_image, &unit);
}

/* ---- Dropout: one random stream per image ---- */
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

void dropout(ThreadPool *thread_pool, float *x, int n, gsize units, float rate, guint64 seed, guint64 stream)
{
    Dropout dropout = {x, units, rate, seed, stream};
    if (rate > 0)
        thread_pool_run(thread_pool, n, drop_units, &dropout);
}

/* ---- The loss of softmax ---- */
LossSum cross_entropy(float *dlogits, const float *logits, const int *labels, const float *weights, int n,
                      int classes)
{
    LossSum sum = {0};
    for (int i = 0; i < n; i++) {
        const float *z = logits + (gsize)i * classes;
        int best = scores_argmax(z, (guint)classes);
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
