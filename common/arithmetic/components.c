/* components: see components.h. */
#include "common/arithmetic/components.h"

#include "common/arithmetic/blas.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"

#include <math.h>

/* Turns the lower triangle of G into that of the Gram matrix of the rows minus their mean. */
static void centre(double *g, guint n)
{
    g_autofree double *means = g_new0(double, n);
    double mean = 0;
    for (guint i = 0; i < n; i++)
        for (guint j = 0; j <= i; j++) {
            double value = g[(gsize)i * n + j] / n;
            means[i] += value;
            means[j] += i == j ? 0 : value;
        }
    for (guint i = 0; i < n; i++)
        mean += means[i] / n;
    for (guint i = 0; i < n; i++)
        for (guint j = 0; j <= i; j++)
            g[(gsize)i * n + j] += mean - means[i] - means[j];
}

/* The `count` largest eigenvalues, ascending, and their vectors (count, N); g is overwritten. Its lower triangle by
 * rows is LAPACK's upper triangle by columns. Returns the number found. */
static guint eigenvectors(double *g, guint n, guint count, double *values, double *vectors)
{
    const int size = (int)n, first = (int)(n - count + 1), query = -1;
    const double precision = 0, unused = 0;
    int found = 0, info = 0, n_work, n_integers;
    double best;
    g_autofree int *support = g_new(int, 2 * (gsize)n);
    blas()->dsyevr_("V", "I", "U", &size, g, &size, &unused, &unused, &first, &size, &precision, &found,
                    values, vectors, &size, support, &best, &query, &n_integers, &query, &info);
    n_work = (int)best;
    g_autofree double *work = g_new(double, (gsize)n_work);
    g_autofree int *integers = g_new(int, (gsize)n_integers);
    blas()->dsyevr_("V", "I", "U", &size, g, &size, &unused, &unused, &first, &size, &precision, &found,
                    values, vectors, &size, support, work, &n_work, integers, &n_integers, &info);
    return info == 0 ? (guint)found : 0;
}

/* Writes one component's coordinates u s to column `column` of scores. */
static void take_scores(const double *vector, double value, guint n, guint column, guint count,
                        double *scores)
{
    double largest = 0;
    for (guint i = 0; i < n; i++)
        if (fabs(vector[i]) > fabs(largest))
            largest = vector[i];
    double scale = largest < 0 ? -sqrt(value) : sqrt(value);
    for (guint i = 0; i < n; i++)
        scores[(gsize)i * count + column] = scale * vector[i];
}

typedef struct {
    double *matrix, *scratch; /* (N, N); gram_scratch */
    double *values, *vectors; /* (N), (wanted, N) */
} Gram;

static Gram gram_new(Arena *arena, const Rows *rows, guint wanted)
{
    gsize n = rows->n;
    return (Gram){.matrix = arena_new(arena, double, n *n),
                  .scratch = gram_scratch(arena, rows->n, rows->width),
                  .values = arena_new(arena, double, n),
                  .vectors = arena_new(arena, double, n *wanted)};
}

gboolean principal_components(const Rows *rows, guint count, ThreadPool *thread_pool, double *scores,
                              double *shares, GError **error)
{
    guint n = rows->n, wanted = MIN(count, n);
    g_auto(Arena) arena = {0};
    gram_new(&arena, rows, wanted);
    if (!arena_try_take(&arena))
        return error_set(error, "the Gram matrix of %u images needs %.1f GB; use fewer images", n,
                         (double)arena_bytes(&arena) / 1e9);
    Gram gram = gram_new(&arena, rows, wanted);
    double *g = gram.matrix, *values = gram.values, *vectors = gram.vectors, variance = 0;
    gram_add(rows, thread_pool, gram.scratch, g);
    if (interrupted())
        return error_set(error, "interrupted");
    centre(g, n);
    for (guint i = 0; i < n; i++)
        variance += g[(gsize)i * n + i];
    guint found = eigenvectors(g, n, wanted, values, vectors);
    for (guint k = 0; k < count; k++) {
        gboolean is = k < found && values[found - 1 - k] > 1e-12 * variance; /* within the rank */
        double value = is ? values[found - 1 - k] : 0;
        shares[k] = variance > 0 ? value / variance : 0;
        for (guint i = 0; i < n && !is; i++)
            scores[(gsize)i * count + k] = 0;
        if (is)
            take_scores(vectors + (gsize)(found - 1 - k) * n, value, n, k, count, scores);
    }
    return TRUE;
}
