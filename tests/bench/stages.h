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

typedef struct {
    double seconds, work; /* FLOP of products; bytes read and written of the transforms */
} StageFigures;

typedef struct {
    clockid_t clock;
    Stage stage;
    double since;
    StageFigures figures[STAGES];
} ThreadStages;

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

static inline void stage_is(Stage stage, double work)
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
    own_stages->figures[stage].work += work;
}

static void stage_multiply(const float *v, const float *next, const float *u, const float *later,
                           int channels, int rows, float *m, gsize stride, gboolean add)
{
    stage_is(STAGE_PRODUCTS, 2.0 * channels * rows * plain_kernels->panel);
    plain_kernels->multiply(v, next, u, later, channels, rows, m, stride, add);
}

static void stage_direct(const float *x, gsize row_stride, int taps, int channels, const float *u,
                         const float *bias, float min, int rows, float *y, gsize y_stride)
{
    stage_is(STAGE_PRODUCTS, 2.0 * taps * taps * channels * rows * plain_kernels->panel);
    plain_kernels->direct(x, row_stride, taps, channels, u, bias, min, rows, y, y_stride);
}

static void stage_input(const float *const *pixels, int channels, Precision precision, float *v,
                        gsize position_stride, gsize step)
{
    stage_is(STAGE_INPUT, 2.0 * sizeof(float) * plain_winograd->in * plain_winograd->in * channels);
    plain_winograd->input(pixels, channels, precision, v, position_stride, step);
}

static void output_is(int channels, int pixels)
{
    stage_is(STAGE_OUTPUT,
             1.0 * sizeof(float) * (plain_winograd->in * plain_winograd->in + pixels) * channels);
}

static void stage_output(const float *m, gsize position_stride, int channels, const float *bias, float min,
                         float *const *pixels)
{
    output_is(channels, plain_winograd->out * plain_winograd->out);
    plain_winograd->output(m, position_stride, channels, bias, min, pixels);
}

static void stage_output_pooled(const float *m, gsize position_stride, int channels, const float *bias,
                                float min, float *const *pixels)
{
    output_is(channels, plain_winograd->out / 2 * (plain_winograd->out / 2));
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
        for (int stage = 0; stage < STAGES; stage++) {
            figures[stage].seconds += thread_stages[i]->figures[stage].seconds;
            figures[stage].work += thread_stages[i]->figures[stage].work;
        }
}
