/* scaling: see scaling.h. */
#include "common/model/scaling.h"

#include "common/core/floats.h"
#include "common/network/layers.h"

#include <float.h>
#include <string.h>

Scaling *scaling_new(ScalingKind kind, gsize features)
{
    Scaling *scaling = g_new0(Scaling, 1);
    scaling->kind = kind;
    scaling->features = features;
    scaling->max = 1;
    if (kind == SCALE_STANDARD) {
        scaling->mean = g_new0(float, features);
        scaling->inverse = g_new(float, features);
        for (gsize j = 0; j < features; j++)
            scaling->inverse[j] = 1;
    }
    return scaling;
}

gboolean scaling_by_image(ScalingKind kind)
{
    return kind == SCALE_L2 || kind == SCALE_SQRT;
}

void scaling_free(Scaling *scaling)
{
    if (!scaling)
        return;
    g_free(scaling->mean);
    g_free(scaling->inverse);
    g_free(scaling);
}

static void fit_max(Scaling *scaling, const Rows *rows, float *buffer)
{
    float max = 0;
    for (guint i = 0; i < rows->n; i++) {
        const float *x = rows_get(rows, i, buffer);
        for (gsize j = 0; j < scaling->features; j++)
            max = MAX(max, fabsf(x[j]));
    }
    scaling->max = max > 0 ? max : 1;
}

/* The (lower) median of the variances above 0; 0 if there is none. */
static double median_variance(const double *variance, gsize n)
{
    g_autofree double *sorted = g_new(double, n);
    gsize varying = 0;
    for (gsize j = 0; j < n; j++)
        if (variance[j] > 0)
            sorted[varying++] = variance[j];
    doubles_sort(sorted, varying);
    return varying ? sorted[(varying - 1) / 2] : 0;
}

/* Means first, then squared deviations from them, to avoid cancellation. A feature counts as constant if its variance
 * is within rounding error, as in scikit-learn's _is_constant_feature: variance <= n eps variance + (n eps mean)^2. */
static void fit_standard(Scaling *scaling, const Rows *rows, float *buffer)
{
    gsize features = scaling->features;
    guint n = rows->n;
    g_autofree double *mean = g_new0(double, features), *variance = g_new0(double, features);
    for (guint i = 0; i < n; i++) {
        const float *x = rows_get(rows, i, buffer);
        for (gsize j = 0; j < features; j++)
            mean[j] += x[j];
    }
    for (gsize j = 0; j < features; j++)
        mean[j] /= (double)n;
    for (guint i = 0; i < n; i++) {
        const float *x = rows_get(rows, i, buffer);
        for (gsize j = 0; j < features; j++)
            variance[j] += (x[j] - mean[j]) * (x[j] - mean[j]);
    }
    double rounding = (double)n * DBL_EPSILON;
    for (gsize j = 0; j < features; j++) {
        double v = variance[j] / (double)n, bound = rounding * v + pow(rounding * mean[j], 2);
        variance[j] = v <= bound ? 0 : v;
        scaling->mean[j] = (float)mean[j];
    }
    double floor = median_variance(variance, features);
    for (gsize j = 0; j < features; j++)
        scaling->inverse[j] = variance[j] > 0 ? (float)(1 / sqrt(MAX(variance[j], floor))) : 1.0f;
}

void scaling_fit(Scaling *scaling, const Rows *rows)
{
    g_return_if_fail(rows->n >= 1);
    g_autofree float *buffer = g_new(float, scaling->features);
    if (scaling->kind == SCALE_MAX)
        fit_max(scaling, rows, buffer);
    else if (scaling->kind == SCALE_STANDARD)
        fit_standard(scaling, rows, buffer);
}

float scaling_factor(const Scaling *scaling, const float *in)
{
    float factor = 1;
    if (scaling->kind == SCALE_MAX)
        factor = 1 / scaling->max;
    else if (scaling_by_image(scaling->kind))
        factor = unit_factor(in, scaling->features, scaling->kind == SCALE_SQRT);
    return MIN(factor, FLT_MAX); /* infinite for the smallest of values, with which 0 would become NaN */
}

void scaling_apply_range(const Scaling *scaling, float factor, const float *in, gsize first, gsize count,
                         float *out)
{
    if (scaling->kind == SCALE_STANDARD)
        for (gsize j = 0; j < count; j++)
            out[j] = (in[j] - scaling->mean[first + j]) * scaling->inverse[first + j];
    else if (scaling->kind == SCALE_SQRT)
        for (gsize j = 0; j < count; j++)
            out[j] = signed_root(in[j]) * factor;
    else if (scaling->kind != SCALE_NONE)
        for (gsize j = 0; j < count; j++)
            out[j] = in[j] * factor;
    else if (in != out)
        memmove(out, in, count * sizeof *out);
}

void scaling_apply(const Scaling *scaling, const float *in, float *out)
{
    scaling_apply_range(scaling, scaling_factor(scaling, in), in, 0, scaling->features, out);
}
