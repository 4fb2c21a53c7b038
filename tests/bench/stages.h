/* stages: what a convolution's threads spend on each stage of it, told by the calls of its inner loops.
 *
 * A plan is given tables of kernels (conv_kernels.h) that note the stage and call the kernels it had. The time between
 * two calls belongs to the stage of the first; the clock, that of the thread, is read where the stage changes alone, so
 * that what is measured is hardly slower for it. */
#pragma once
#include "common/arithmetic/conv_plan.h"
#include "tests/bench/peak.h"

#include <pthread.h>
#include <string.h>

typedef enum { STAGE_REST, STAGE_INPUT, STAGE_PRODUCTS, STAGE_OUTPUT, STAGES } Stage;

/* What a convolution reads and writes, by the names of conv_kernels.h: V, U and M are the transformed input, the transformed
 * kernels and the products. */
typedef enum { ARRAY_INPUT, ARRAY_V, ARRAY_U, ARRAY_M, ARRAY_OUTPUT, ARRAYS } Array;

typedef struct {
    double seconds, flops;
    double bytes[ARRAYS]; /* read and written; of input and output the caller knows */
} StageFigures;

typedef struct {
    clockid_t clock;
    Stage stage;
    double since;
    StageFigures figures[STAGES];
    const float *u, *v; /* of the call that a panel of U came with */
    gboolean v_comes;   /* the panel is the first one that these tiles pass by: V comes with them */
} ThreadStages;

static inline void stage_add(StageFigures *to, const StageFigures *figures)
{
    to->seconds += figures->seconds;
    to->flops += figures->flops;
    for (int array = 0; array < ARRAYS; array++)
        to->bytes[array] += figures->bytes[array];
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
    own->figures[own->stage].seconds += now - own->since;
    own->since = now;
    own->stage = stage;
}

/* To add to; seconds are kept here. */
static inline StageFigures *stage_is(Stage stage)
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
    return &own_stages->figures[stage];
}

static double bytes_of(int rows, int columns)
{
    return (double)sizeof(float) * rows * columns;
}

/* All tiles pass by a panel of U, then by the next one (conv_winograd.c): U counts once for that, V with the first one, as
 * the nearest cache has it after. */
static void stage_multiply(const float *v, const float *next, const float *u, const float *later,
                           int channels, int rows, float *m, gsize stride, gboolean add)
{
    int panel = plain_kernels->panel;
    StageFigures *products = stage_is(STAGE_PRODUCTS);
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
    StageFigures *products = stage_is(STAGE_PRODUCTS);
    products->flops += 2.0 * taps * taps * channels * rows * plain_kernels->panel;
    plain_kernels->direct(x, row_stride, taps, channels, u, bias, min, rows, y, y_stride);
}

static void stage_input(const float *const *pixels, int channels, Precision precision, float *v,
                        gsize position_stride, gsize step)
{
    stage_is(STAGE_INPUT)->bytes[ARRAY_V] += bytes_of(plain_winograd->in * plain_winograd->in, channels);
    plain_winograd->input(pixels, channels, precision, v, position_stride, step);
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

/* A plan's own kernels, and those that note the stage. */
typedef struct {
    const ConvKernels *plain;
    const WinogradKernels *plain_winograd;
    ConvKernels kernels;
    WinogradKernels winograd;
} StageTables;

/* tables: filled, borrowed as long as the plan runs. To be called once the plan has its weights. */
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

/* The plan of these tables runs next; no thread is at work. */
static inline void stages_begin(const StageTables *tables)
{
    plain_kernels = tables->plain;
    plain_winograd = tables->plain_winograd;
    for (guint i = 0; i < stages_threads; i++) {
        stage_change(thread_stages[i], STAGE_REST);
        memset(thread_stages[i]->figures, 0, sizeof thread_stages[i]->figures);
        thread_stages[i]->u = thread_stages[i]->v = NULL;
    }
}

/* What is done from here on is not the last stage's. */
static inline void stages_rest(void)
{
    for (guint i = 0; i < stages_threads; i++)
        stage_change(thread_stages[i], STAGE_REST);
}

/* figures (STAGES): sums over all threads since stages_begin. */
static inline void stages_end(StageFigures *figures)
{
    memset(figures, 0, STAGES * sizeof *figures);
    stages_rest();
    for (guint i = 0; i < stages_threads; i++)
        for (int stage = 0; stage < STAGES; stage++)
            stage_add(&figures[stage], &thread_stages[i]->figures[stage]);
}
