#include "train/samples.h"

Samples *samples_new(const float *const *x, const int *labels, guint n, guint classes, const Scaling *scaling,
                     double bias)
{
    Samples *samples = g_new(Samples, 1);
    *samples = (Samples){x, labels, n, classes, scaling->features, scaling, g_new(float, n), bias};
    for (guint i = 0; i < n; i++)
        samples->factors[i] = scaling_factor(scaling, x[i]);
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
    scaling_apply_range(samples->scaling, samples->factors[row], samples->x[row], first, count, out);
}
