/* gram_factor: see gram_factor.h. */
#include "train/linear/gram_factor.h"

#include "common/arithmetic/blas.h"
#include "common/arithmetic/gram.h"
#include "common/core/interrupt.h"

#include <math.h>

enum { PANEL = 128 };                       /* columns factored together */
static const double smallest_pivot = 1e-12; /* of the largest diagonal entry */

/* Left-looking: subtracts from the panel's rows what the columns before it explain. */
static void update_panel(guint task, guint worker, gpointer data)
{
    const GramFactor *factor = data;
    guint n = factor->n, k = factor->panel, i = k + task * PANEL;
    blas()->cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, MIN(PANEL, n - i), MIN(PANEL, n - k), k, -1,
                        factor->matrix + (gsize)i * n, n, factor->matrix + (gsize)k * n, n, 1,
                        factor->matrix + (gsize)i * n + k, n);
}

static void solve_panel(guint task, guint worker, gpointer data)
{
    const GramFactor *factor = data;
    guint n = factor->n, k = factor->panel, i = k + (task + 1) * PANEL;
    blas()->cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, MIN(PANEL, n - i),
                        PANEL, 1, factor->matrix + (gsize)k * n + k, n, factor->matrix + (gsize)i * n + k, n);
}

/* The panel's own triangle, at a (size, size) with rows n apart. */
static void factor_diagonal(double *a, guint size, guint n, double floor)
{
    for (guint j = 0; j < size; j++)
        for (guint i = j; i < size; i++) {
            double *row = a + (gsize)i * n, *pivot = a + (gsize)j * n;
            double rest = row[j] - blas()->cblas_ddot(j, row, 1, pivot, 1);
            row[j] = i == j ? sqrt(MAX(rest, floor)) : rest / pivot[j];
        }
}

static void factorize(GramFactor *factor, ThreadPool *thread_pool)
{
    guint n = factor->n;
    double largest = 0;
    for (guint i = 0; i < n; i++)
        largest = MAX(largest, factor->matrix[(gsize)i * n + i]);
    for (factor->panel = 0; factor->panel < n && !interrupted(); factor->panel += PANEL) {
        guint k = factor->panel, rows = (n - k + PANEL - 1) / PANEL;
        if (k > 0)
            thread_pool_run(thread_pool, rows, update_panel, factor);
        factor_diagonal(factor->matrix + (gsize)k * n + k, MIN(PANEL, n - k), n, smallest_pivot * largest);
        thread_pool_run(thread_pool, rows - 1, solve_panel, factor);
    }
}

GramFactor gram_factor_new(Arena *arena, const TrainingSet *set, guint n)
{
    return (GramFactor){.set = set,
                        .n = n,
                        .matrix = arena_new(arena, double, (gsize)n *n),
                        .scratch = gram_scratch(arena, n, set->features)};
}

gboolean gram_factor_fill(GramFactor *factor, ThreadPool *thread_pool)
{
    const TrainingSet *set = factor->set;
    guint n = factor->n;
    double *matrix = factor->matrix, start = set->bias * set->bias;
    for (guint i = 0; i < n; i++)
        for (guint j = 0; j <= i; j++)
            matrix[(gsize)i * n + j] = start;
    gram_add(&set->scaled, thread_pool, factor->scratch, matrix);
    gboolean zero = TRUE;
    for (guint i = 0; i < n && zero; i++)
        zero = matrix[(gsize)i * n + i] == start;
    if (!zero)
        factorize(factor, thread_pool);
    return !zero;
}

void gram_factor_weights(const GramFactor *factor, ThreadPool *thread_pool, double *w, guint outputs,
                         float *kernel, float *bias)
{
    const TrainingSet *set = factor->set;
    guint n = factor->n;
    /* In column-major order L's rows are the columns of the upper triangle Lᵀ, and w's rows are columns. */
    blas()->cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, n, outputs, 1,
                        factor->matrix, n, w, n);
    gram_combine(&set->scaled, thread_pool, factor->scratch, w, outputs, kernel);
    for (guint k = 0; k < outputs; k++) {
        double sum = 0;
        for (guint i = 0; i < n; i++)
            sum += w[(gsize)k * n + i];
        bias[k] = (float)(sum * (set->bias * set->bias));
    }
}
