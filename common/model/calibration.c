/* calibration: see calibration.h. */
#include "common/model/calibration.h"

#include "common/network/scores.h"

#include <float.h>
#include <math.h>

static double decision(float output, gboolean logs)
{
    return logs ? log(fmax(output, FLT_MIN)) : output;
}

/* The largest z of a row. Without fmax: gcc 12 for aarch64 fails with an internal error when it vectorizes this loop
 * with fmax. */
static double greatest(const float *row, gboolean logs, guint classes)
{
    double top = -INFINITY;
    for (guint c = 0; c < classes; c++) {
        double value = decision(row[c], logs);
        if (value > top)
            top = value;
    }
    return top;
}

/* Derivatives of the cross-entropy with respect to beta = 1 / T. */
typedef struct {
    double first, second;
} Slopes;

/* Adds those of one image: E_p[z] - E_q[z] and Var_p[z], where p = softmax(beta z) and q are the targets. */
static void add_slopes(Slopes *slopes, const float *row, gboolean logs, int label, guint classes, double rest,
                       double beta)
{
    double top = greatest(row, logs, classes), sum = 0, mean = 0, square = 0, target = 0;
    for (guint c = 0; c < classes; c++) {
        double z = decision(row[c], logs) - top, weight = exp(beta * z);
        sum += weight;
        mean += weight * z;
        square += weight * z * z;
        target += z * ((int)c == label ? 1 - rest : rest / (classes - 1));
    }
    mean /= sum;
    slopes->first += mean - target;
    slopes->second += square / sum - mean * mean;
}

/* The cross-entropy is convex in beta: Newton steps, safeguarded by bisection of a bracket. */
double calibration_fit(const float *outputs, gboolean logs, const int *labels, guint n, guint classes)
{
    double low = 1 / CALIBRATION_MAX, high = 1 / CALIBRATION_MIN, beta = 1;
    const double rest = 1.0 / (n + 2.0);
    for (int round = 0; round < 100 && high - low > 1e-12 * high; round++) {
        Slopes slopes = {0};
        for (guint i = 0; i < n; i++)
            add_slopes(&slopes, outputs + (gsize)i * classes, logs, labels[i], classes, rest, beta);
        if (slopes.first > 0)
            high = beta;
        else
            low = beta;
        double next = slopes.second > 0 ? beta - slopes.first / slopes.second : NAN;
        if (fabs(next - beta) <= 1e-12 * beta)
            break;
        beta = next > low && next < high ? next : sqrt(low * high);
    }
    return 1 / beta;
}

void calibration_apply(const float *outputs, gboolean logs, double temperature, guint n, guint classes,
                       float *probabilities)
{
    g_autofree double *row = g_new(double, classes);
    for (gsize i = 0; i < (gsize)n * classes; i += classes) {
        for (guint c = 0; c < classes; c++)
            row[c] = decision(outputs[i + c], logs) / temperature;
        scores_softmax(row, classes);
        for (guint c = 0; c < classes; c++)
            probabilities[i + c] = (float)row[c];
    }
}

/* ---- Answering only what is sure ---- */

static gint by_threshold(gconstpointer a, gconstpointer b)
{
    const CoveragePoint *x = a, *y = b;
    return (x->threshold < y->threshold) - (x->threshold > y->threshold);
}

GArray *calibration_coverage(const float *probabilities, const int *labels, guint n, guint classes)
{
    GArray *points = g_array_sized_new(FALSE, FALSE, sizeof(CoveragePoint), n);
    for (guint i = 0; i < n; i++) {
        const float *row = probabilities + (gsize)i * classes;
        int predicted = scores_argmax(row, classes);
        CoveragePoint image = {(double)row[predicted], 1, predicted == labels[i]};
        g_array_append_val(points, image);
    }
    g_array_sort(points, by_threshold);
    guint kept = 0;
    CoveragePoint sum = {0};
    for (guint i = 0; i < points->len; i++) { /* equal ones become one, and each the sum of those before it */
        CoveragePoint image = g_array_index(points, CoveragePoint, i);
        sum = (CoveragePoint){image.threshold, sum.answered + 1, sum.right + image.right};
        kept -= kept && g_array_index(points, CoveragePoint, kept - 1).threshold == image.threshold;
        g_array_index(points, CoveragePoint, kept++) = sum;
    }
    return g_array_set_size(points, kept);
}

const CoveragePoint *calibration_accept(const GArray *coverage, double accuracy)
{
    for (guint i = coverage->len; i-- > 0;) {
        const CoveragePoint *point = &g_array_index(coverage, CoveragePoint, i);
        if (point->right >= accuracy * point->answered)
            return point;
    }
    return NULL;
}
