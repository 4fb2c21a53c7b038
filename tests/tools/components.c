/* components: principal components of a matrix, for the Python tests.
 *   components N D COUNT THREADS < (N, D) float32    (N, COUNT) float64 scores, then COUNT shares, to stdout */
#include "common/arithmetic/components.h"
#include "common/arithmetic/blas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const float *values;
    gsize width;
} Matrix;

static const float *part(gconstpointer user, guint row, gsize first, gsize count, float *buffer)
{
    const Matrix *matrix = user;
    return matrix->values + row * matrix->width + first;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    guint n = (guint)atoi(argv[1]), d = (guint)atoi(argv[2]), count = (guint)atoi(argv[3]);
    g_autofree float *values = g_new(float, (gsize)n *d);
    g_autofree double *scores = g_new(double, (gsize)n *count), *shares = g_new(double, count);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)atoi(argv[4]));
    g_autoptr(GError) error = NULL;
    blas_startup(1);
    if (fread(values, d * sizeof *values, n, stdin) != n)
        return 1;
    const Matrix matrix = {values, d};
    const Rows rows = {.n = n, .width = d, .part = part, .user = &matrix};
    if (!principal_components(&rows, count, thread_pool, scores, shares, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    fwrite(scores, sizeof *scores, (gsize)n * count, stdout);
    fwrite(shares, sizeof *shares, count, stdout);
    return 0;
}
