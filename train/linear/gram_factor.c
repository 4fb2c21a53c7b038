/* gram_factor: see gram_factor.h. */
#include "train/linear/gram_factor.h"

#include "common/arithmetic/blas.h"
#include "common/arithmetic/gram.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"

#include <math.h>

enum { PANEL = 128 };                       /* columns factored together */
static const double smallest_pivot = 1e-12; /* of the largest diagonal entry */

typedef struct {
    guint n;
    double *matrix; /* (N, N): G, then L */
    guint panel;    /* first row and column of the panel being factored */
} Work;

/* Left-looking: subtracts from the panel's rows what the columns before it explain. */
static void update_panel(guint task, guint worker, gpointer data)
{
    Work *work = data;
    guint n = work->n, k = work->panel, i = k + task * PANEL;
    blas()->cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, MIN(PANEL, n - i), MIN(PANEL, n - k), k, -1,
                        work->matrix + (gsize)i * n, n, work->matrix + (gsize)k * n, n, 1,
                        work->matrix + (gsize)i * n + k, n);
}

static void solve_panel(guint task, guint worker, gpointer data)
{
    Work *work = data;
    guint n = work->n, k = work->panel, i = k + (task + 1) * PANEL;
    blas()->cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, MIN(PANEL, n - i),
                        PANEL, 1, work->matrix + (gsize)k * n + k, n, work->matrix + (gsize)i * n + k, n);
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

static void factorize(Work *work, ThreadPool *thread_pool)
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

double *gram_factor_new(const TrainingSet *set, ThreadPool *thread_pool, GError **error)
{
    guint n = set->n;
    g_autofree double *matrix = g_try_new(double, (gsize)n *n);
    Work work = {.n = n, .matrix = matrix};
    double start = set->bias >= 0 ? set->bias * set->bias : 0;
    if (!matrix) {
        error_set(error, "the Gram matrix of %u images needs %.1f GB; use --no-reduce or fewer images", n,
                  gram_memory(n) / 1e9);
        return NULL;
    }
    for (guint i = 0; i < n; i++)
        for (guint j = 0; j <= i; j++)
            matrix[(gsize)i * n + j] = start;
    gram_add(&set->scaled, thread_pool, matrix);
    gboolean zero = TRUE;
    for (guint i = 0; i < n && zero; i++)
        zero = matrix[(gsize)i * n + i] == start;
    if (!zero)
        factorize(&work, thread_pool);
    if (!zero && !interrupted())
        return g_steal_pointer(&matrix);
    training_set_refuse(error);
    return NULL;
}

void gram_factor_weights(const double *factor, const TrainingSet *set, ThreadPool *thread_pool, double *w,
                         guint outputs, float *kernel, float *bias)
{
    guint n = set->n;
    /* In column-major order L's rows are the columns of the upper triangle Lᵀ, and w's rows are columns. */
    blas()->cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, n, outputs, 1,
                        factor, n, w, n);
    gram_combine(&set->scaled, thread_pool, w, outputs, kernel);
    double squared = set->bias >= 0 ? set->bias * set->bias : 0;
    for (guint k = 0; k < outputs; k++) {
        double sum = 0;
        for (guint i = 0; i < n; i++)
            sum += w[(gsize)k * n + i];
        bias[k] = (float)(sum * squared);
    }
}
