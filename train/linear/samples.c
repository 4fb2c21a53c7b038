#include "train/linear/samples.h"

#include <math.h>

Samples *samples_new(const Rows *rows, const int *labels, guint classes, const Scaling *scaling, double bias)
{
    guint n = rows->n;
    Samples *samples = g_new(Samples, 1);
    *samples = (Samples){*rows, labels, n, classes, scaling->features, scaling, g_new(float, n), bias};
    g_autofree float *buffer = g_new(float, scaling->features);
    for (guint i = 0; i < n; i++)
        samples->factors[i] = scaling_factor(scaling, rows_get(rows, i, buffer));
    return samples;
}

void samples_free(Samples *samples)
{
    if (!samples)
        return;
    g_free(samples->factors);
    g_free(samples);
}

void samples_take(const Samples *samples, guint row, gsize first, gsize count, float *out)
{
    const float *in = rows_part(&samples->rows, row, first, count, out);
    scaling_apply_range(samples->scaling, samples->factors[row], in, first, count, out);
}

double samples_largest_correlation(const Samples *samples)
{
    gsize features = samples->features;
    g_autofree double *sums = g_new0(double, samples->classes *features), *all = g_new0(double, features);
    g_autofree float *row = g_new(float, features);
    double largest = 0;
    for (guint i = 0; i < samples->n; i++) {
        double *own = sums + (gsize)samples->labels[i] * features;
        samples_take(samples, i, 0, features, row);
        for (gsize j = 0; j < features; j++) {
            own[j] += row[j];
            all[j] += row[j];
        }
    }
    for (guint k = 0; k < samples->classes; k++)
        for (gsize j = 0; j < features; j++)
            largest = MAX(largest, fabs(2 * sums[k * features + j] - all[j]));
    return largest;
}
