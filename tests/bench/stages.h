/* stages: the time that a convolution's threads spend on each of its stages, measured by the calls of its inner
 * loops.
 *
 * A plan is given tables of kernels (conv_kernels.h) that record the stage and call the original kernels. The time
 * between two calls belongs to the stage of the first one; the thread's clock is read only when the stage changes, so
 * that the measurement hardly slows the plan down. */
#pragma once
#include "common/arithmetic/conv_plan.h"
#include "tests/bench/peak.h"

#include <pthread.h>
#include <string.h>

typedef enum { STAGE_REST, STAGE_INPUT, STAGE_PRODUCTS, STAGE_OUTPUT, STAGES } Stage;

/* The arrays of a convolution, by the names of conv_kernels.h: V, U and M are the transformed input, the transformed
 * kernels and the products. */
typedef enum { ARRAY_INPUT, ARRAY_V, ARRAY_U, ARRAY_M, ARRAY_OUTPUT, ARRAYS } Array;

typedef struct {
    double seconds, flops;
    double bytes[ARRAYS]; /* read and written; those of input and output are added by the caller */
} StageMetrics;

typedef struct {
    clockid_t clock;
    Stage stage;
    double since;
    StageMetrics metrics[STAGES];
    const float *u, *v; /* of the first call with a panel of U */
    gboolean v_comes;   /* the panel is the first one for these tiles: V is read with it */
} ThreadStages;

static inline void stage_add(StageMetrics *to, const StageMetrics *metrics)
{
    to->seconds += metrics->seconds;
    to->flops += metrics->flops;
    for (int array = 0; array < ARRAYS; array++)
        to->bytes[array] += metrics->bytes[array];
}

enum { MAX_THREADS = 1024 };
static ThreadStages *thread_stages[MAX_THREADS];
static guint stages_threads; /* atomic */
static _Thread_local ThreadStages *own_stages;
static const ConvKernels *plain_kernels;      /* of the plan that runs */
static const WinogradKernels *plain_winograd; /* NULL: direct */

static inline void stage_change(ThreadStages *own, Stage stage)
{
    double now = thread_seconds(own->clock);
    own->metrics[own->stage].seconds += now - own->since;
    own->since = now;
    own->stage = stage;
}

/* To add bytes and work to; seconds are added here. */
static inline StageMetrics *stage_is(Stage stage)
{
    if (!own_stages) {
        guint i = g_atomic_int_add(&stages_threads, 1);
        g_assert(i < MAX_THREADS);
        own_stages = thread_stages[i] = g_new0(ThreadStages, 1);
        pthread_getcpuclockid(pthread_self(), &own_stages->clock);
        own_stages->since = thread_seconds(own_stages->clock);
        own_stages->stage = stage;
    } else if (own_stages->stage != stage)
        stage_change(own_stages, stage);
    return &own_stages->metrics[stage];
}

static double bytes_of(int rows, int columns)
{
    return (double)sizeof(float) * rows * columns;
}

/* All tiles are multiplied by a panel of U, then by the next one (conv_winograd.c): U counts once for all tiles, and
 * V with the first panel, after which it is in the nearest cache. */
static void stage_multiply(const float *v, const float *next, const float *u, const float *later,
                           int channels, int rows, float *m, gsize stride, gboolean add)
{
    int panel = plain_kernels->panel;
    StageMetrics *products = stage_is(STAGE_PRODUCTS);
    if (u != own_stages->u) {
        own_stages->v_comes = v != own_stages->v;
        own_stages->u = u;
        own_stages->v = v;
        products->bytes[ARRAY_U] += bytes_of(channels, panel);
    }
    if (own_stages->v_comes)
        products->bytes[ARRAY_V] += bytes_of(rows, channels);
    products->bytes[ARRAY_M] += (add ? 2 : 1) * bytes_of(rows, panel);
    products->flops += 2.0 * channels * rows * panel;
    plain_kernels->multiply(v, next, u, later, channels, rows, m, stride, add);
}

static void stage_direct(const float *x, gsize row_stride, int taps, int channels, const float *u,
                         const float *bias, float min, int rows, float *y, gsize y_stride)
{
    StageMetrics *products = stage_is(STAGE_PRODUCTS);
    products->flops += 2.0 * taps * taps * channels * rows * plain_kernels->panel;
    plain_kernels->direct(x, row_stride, taps, channels, u, bias, min, rows, y, y_stride);
}

static void stage_input(const float *const *pixels, int channels, float *v, gsize position_stride, gsize step)
{
    stage_is(STAGE_INPUT)->bytes[ARRAY_V] += bytes_of(plain_winograd->in * plain_winograd->in, channels);
    plain_winograd->input(pixels, channels, v, position_stride, step);
}

static void output_is(int channels)
{
    stage_is(STAGE_OUTPUT)->bytes[ARRAY_M] += bytes_of(plain_winograd->in * plain_winograd->in, channels);
}

static void stage_output(const float *m, gsize position_stride, int channels, const float *bias, float min,
                         float *const *pixels)
{
    output_is(channels);
    plain_winograd->output(m, position_stride, channels, bias, min, pixels);
}

static void stage_output_pooled(const float *m, gsize position_stride, int channels, const float *bias,
                                float min, float *const *pixels)
{
    output_is(channels);
    plain_winograd->output_pooled(m, position_stride, channels, bias, min, pixels);
}

/* A plan's original kernels, and those that record the stage. */
typedef struct {
    const ConvKernels *plain;
    const WinogradKernels *plain_winograd;
    ConvKernels kernels;
    WinogradKernels winograd;
} StageTables;

/* tables: filled in, borrowed while the plan runs. To be called after the plan's weights are set. */
static inline void stages_watch(ConvPlan *plan, StageTables *tables)
{
    *tables = (StageTables){plan->kernels, plan->winograd, *plan->kernels, {0}};
    tables->kernels.multiply = stage_multiply;
    tables->kernels.direct = stage_direct;
    plan->kernels = &tables->kernels;
    if (plan->winograd) {
        tables->winograd = *plan->winograd;
        tables->winograd.input = stage_input;
        tables->winograd.output = stage_output;
        tables->winograd.output_pooled = stage_output_pooled;
        plan->winograd = &tables->winograd;
    }
}

/* To be called before the plan of these tables runs, while no thread is working. */
static inline void stages_begin(const StageTables *tables)
{
    plain_kernels = tables->plain;
    plain_winograd = tables->plain_winograd;
    for (guint i = 0; i < stages_threads; i++) {
        stage_change(thread_stages[i], STAGE_REST);
        memset(thread_stages[i]->metrics, 0, sizeof thread_stages[i]->metrics);
        thread_stages[i]->u = thread_stages[i]->v = NULL;
    }
}

/* Ends the time of the last stage. */
static inline void stages_rest(void)
{
    for (guint i = 0; i < stages_threads; i++)
        stage_change(thread_stages[i], STAGE_REST);
}

/* metrics (STAGES): sums over all threads since stages_begin. */
static inline void stages_end(StageMetrics *metrics)
{
    memset(metrics, 0, STAGES * sizeof *metrics);
    stages_rest();
    for (guint i = 0; i < stages_threads; i++)
        for (int stage = 0; stage < STAGES; stage++)
            stage_add(&metrics[stage], &thread_stages[i]->metrics[stage]);
}
