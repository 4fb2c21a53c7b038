/* metrics: see metrics.h. */
#include "evaluate/metrics/metrics.h"

#include "common/core/floats.h"
#include "common/core/rng.h"
#include "common/model/novelty.h"
#include "common/network/scores.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void metrics_confusion(const int *labels, const int *predicted, guint n, guint classes, guint *matrix)
{
    memset(matrix, 0, (gsize)classes * classes * sizeof *matrix);
    for (guint i = 0; i < n; i++)
        matrix[(gsize)labels[i] * classes + predicted[i]]++;
}

double metrics_accuracy(const guint *matrix, guint classes)
{
    guint right = 0, all = 0;
    for (guint t = 0; t < classes; t++)
        for (guint p = 0; p < classes; p++) {
            all += matrix[(gsize)t * classes + p];
            right += t == p ? matrix[(gsize)t * classes + p] : 0;
        }
    return all ? (double)right / all : 0;
}

/* ---- Per class ---- */

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static ClassMetrics metrics_of(const guint *matrix, guint classes, guint class)
{
    guint support = 0, predicted = 0, right = matrix[(gsize) class * classes + class];
    for (guint other = 0; other < classes; other++) {
        support += matrix[(gsize) class * classes + other];
        predicted += matrix[(gsize)other * classes + class];
    }
    double precision = ratio(right, predicted), recall = ratio(right, support);
    return (ClassMetrics){precision, recall, ratio(2 * precision * recall, precision + recall), support};
}

void metrics_per_class(const guint *matrix, guint classes, ClassMetrics *metrics, ClassMetrics *macro,
                       ClassMetrics *weighted)
{
    *macro = *weighted = (ClassMetrics){0};
    for (guint c = 0; c < classes; c++) {
        ClassMetrics f = metrics[c] = metrics_of(matrix, classes, c);
        macro->precision += f.precision;
        macro->recall += f.recall;
        macro->f1 += f.f1;
        weighted->precision += f.precision * f.support;
        weighted->recall += f.recall * f.support;
        weighted->f1 += f.f1 * f.support;
        weighted->support += f.support;
    }
    macro->precision /= classes;
    macro->recall /= classes;
    macro->f1 /= classes;
    macro->support = weighted->support;
    weighted->precision = ratio(weighted->precision, weighted->support);
    weighted->recall = ratio(weighted->recall, weighted->support);
    weighted->f1 = ratio(weighted->f1, weighted->support);
}

/* ---- Scores and probabilities ---- */

static guint rank_of(const float *scores, guint classes, guint label)
{
    guint before = 0;
    for (guint c = 0; c < classes; c++)
        before += scores[c] > scores[label] || (c < label && scores[c] == scores[label]);
    return before;
}

double metrics_top_k(const float *scores, const int *labels, guint n, guint classes, guint k)
{
    guint within = 0;
    for (guint i = 0; i < n; i++)
        within += rank_of(scores + (gsize)i * classes, classes, labels[i]) < k;
    return ratio(within, n);
}

double metrics_log_loss(const float *probabilities, const int *labels, guint n, guint classes)
{
    double loss = 0;
    for (guint i = 0; i < n; i++) {
        const float *row = probabilities + (gsize)i * classes;
        double sum = 0;
        for (guint c = 0; c < classes; c++)
            sum += CLAMP((double)row[c], DBL_EPSILON, 1 - DBL_EPSILON);
        loss -= log(CLAMP((double)row[labels[i]], DBL_EPSILON, 1 - DBL_EPSILON) / sum);
    }
    return ratio(loss, n);
}

void metrics_reliability(const float *probabilities, const int *labels, guint n, guint classes,
                         ReliabilityBin *bins, guint n_bins)
{
    memset(bins, 0, n_bins * sizeof *bins);
    for (guint i = 0; i < n; i++) {
        const float *row = probabilities + (gsize)i * classes;
        int predicted = scores_argmax(row, classes);
        double confidence = row[predicted], place = ceil(confidence * n_bins) - 1;
        ReliabilityBin *bin = &bins[(guint)CLAMP(place, 0, n_bins - 1)];
        bin->count++;
        bin->confidence += confidence;
        bin->accuracy += predicted == labels[i];
    }
    for (guint b = 0; b < n_bins; b++) {
        bins[b].confidence = ratio(bins[b].confidence, bins[b].count);
        bins[b].accuracy = ratio(bins[b].accuracy, bins[b].count);
    }
}

double metrics_calibration_error(const ReliabilityBin *bins, guint n_bins)
{
    double error = 0, n = 0;
    for (guint b = 0; b < n_bins; b++) {
        error += bins[b].count * fabs(bins[b].accuracy - bins[b].confidence);
        n += bins[b].count;
    }
    return ratio(error, n);
}

/* ---- Comparing classifiers ---- */

static double log_choose(guint n, guint k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

/* P(X <= k), X ~ Binomial(n, p), 0 < p < 1. */
static double binomial_tail(guint k, guint n, double p)
{
    double tail = 0;
    for (guint i = 0; i <= k; i++)
        tail += exp(log_choose(n, i) + i * log(p) + (n - i) * log1p(-p));
    return fmin(1, tail);
}

double metrics_beats_guessing(guint right, guint n, double share)
{
    if (right == 0 || share >= 1)
        return 1;
    return share <= 0 ? 0 : binomial_tail(n - right, n, 1 - share); /* n - right wrong ones or fewer */
}

Interval metrics_paired_difference(McNemar test, guint n)
{
    double b = test.first_only + 0.5, c = test.second_only + 0.5, all = n + 2;
    double middle = (b - c) / all, half = INTERVAL_Z95 * sqrt(b + c - (b - c) * (b - c) / all) / all;
    return (Interval){fmax(-1, middle - half), fmin(1, middle + half)};
}

double metrics_fisher(guint right, guint n, guint others_right, guint m)
{
    guint all = right + others_right, first = all > m ? all - m : 0, last = MIN(all, n);
    double observed = log_choose(n, right) + log_choose(m, others_right), sum = 0;
    for (guint k = first; k <= last; k++) {
        double table = log_choose(n, k) + log_choose(m, all - k);
        if (table <= observed + 1e-7) /* equal ones differ by rounding */
            sum += exp(table - log_choose(n + m, all));
    }
    return fmin(1, sum);
}

static int by_p(const void *a, const void *b)
{
    const double *x = *(const double *const *)a, *y = *(const double *const *)b;
    return *x != *y ? (*x > *y) - (*x < *y) : (x > y) - (x < y);
}

void metrics_holm(double *p, guint n)
{
    g_autofree double **sorted = g_new(double *, n + 1);
    double largest = 0;
    for (guint i = 0; i < n; i++)
        sorted[i] = p + i;
    qsort(sorted, n, sizeof *sorted, by_p);
    for (guint i = 0; i < n; i++)
        *sorted[i] = largest = fmax(largest, fmin(1, *sorted[i] * (n - i)));
}

Separation metrics_separation(const float *known, guint n, const float *unknown, guint m)
{
    g_autofree float *high = g_memdup2(known, n * sizeof *known), *low = g_memdup2(unknown, m * sizeof *low);
    floats_sort(high, n);
    floats_sort(low, m);
    double pairs = 0;
    for (guint i = 0, below = 0, equal = 0; i < n; i++) { /* `equal` counts those not above high[i] */
        while (below < m && low[below] < high[i])
            below++;
        while (equal < m && low[equal] <= high[i])
            equal++;
        pairs += 0.5 * ((double)below + equal);
    }
    float limit = (float)novelty_limit(high, n, METRICS_KEPT);
    guint told = 0;
    while (told < m && low[told] < limit)
        told++;
    return (Separation){pairs / n / m, (double)told / m};
}

/* ---- Groups ---- */

Interval metrics_grouped_difference(const int *values, const guint *units, guint n)
{
    g_autoptr(GArray) groups = interval_groups(values, NULL, units, n);
    Interval interval = interval_bootstrap(groups);
    long ahead = lround(interval.low * groups->len);
    McNemar alike = {.first_only = (guint)MAX(ahead, 0), .second_only = (guint)MAX(-ahead, 0)};
    return interval.low < interval.high ? interval : metrics_paired_difference(alike, groups->len);
}

double metrics_grouped_beats_guessing(const int *values, const guint *units, guint n, double share)
{
    g_autoptr(GArray) groups = interval_groups(values, NULL, units, n);
    if (!groups->len)
        return 1;
    g_autofree double *means = interval_draws(groups);
    if (means[0] == means[INTERVAL_DRAWS - 1])
        return metrics_beats_guessing((guint)lround(means[0] * groups->len), groups->len, share);
    guint not_above = 0;
    while (not_above < INTERVAL_DRAWS && means[not_above] <= share)
        not_above++;
    return (not_above + 1.0) / (INTERVAL_DRAWS + 1.0);
}

double metrics_grouped_differs(const int *values, const int *of, int slice, const guint *units, guint n)
{
    double images = 0, right = 0, inside = 0, sum = 0;
    for (guint i = 0; i < n; i++) {
        images += of[i] >= 0;
        right += of[i] >= 0 && values[i];
        inside += of[i] == slice;
    }
    g_autofree double *parts = g_new0(double, n + 1);
    for (guint i = 0; i < n; i++)
        if (of[i] >= 0)
            parts[units[i]] += ((of[i] == slice) - inside / images) * (values[i] - right / images);
    guint groups = 0, as_far = 0;
    for (guint u = 0; u < n; u++)
        if (parts[u] != 0) {
            sum += parts[u];
            parts[groups++] = parts[u];
        }
    Rng rng = rng_new(0, 0);
    for (guint draw = 0; draw < INTERVAL_DRAWS; draw++) {
        double drawn = 0;
        for (guint k = 0; k < groups; k++)
            drawn += rng_uniform(&rng) < 0.5 ? parts[k] : -parts[k];
        as_far += fabs(drawn) >= fabs(sum) * (1 - 1e-9); /* equal ones differ by rounding */
    }
    return (as_far + 1.0) / (INTERVAL_DRAWS + 1.0);
}

/* The probability that the sum of the groups' values, each with either sign, is at least as far from 0 as with these. */
static double signs_test(const GArray *groups)
{
    gsize reach = 0;
    long sum = 0;
    for (guint k = 0; k < groups->len; k++) {
        sum += g_array_index(groups, IntervalGroup, k).sum;
        reach += (gsize)labs(g_array_index(groups, IntervalGroup, k).sum);
    }
    gsize size = 2 * reach + 1;
    g_autofree double *now = g_new0(double, size), *next = g_new0(double, size);
    now[reach] = 1;
    for (guint k = 0; k < groups->len; k++) {
        gsize step = (gsize)labs(g_array_index(groups, IntervalGroup, k).sum);
        for (gsize i = 0; step && i < size; i++)
            next[i] = 0.5 * ((i >= step ? now[i - step] : 0) + (i + step < size ? now[i + step] : 0));
        if (step)
            memcpy(now, next, size * sizeof *now);
    }
    double p = 0;
    for (gsize i = 0; i < size; i++)
        p += labs((long)i - (long)reach) >= labs(sum) ? now[i] : 0;
    return fmin(1, p);
}

/* (n) 1 where only the first is right, -1 where only the second is, else 0; *counts: of these. */
static int *compare(const int *labels, const int *first, const int *second, guint n, McNemar *counts)
{
    int *ahead = g_new(int, n + 1);
    *counts = (McNemar){0};
    for (guint i = 0; i < n; i++) {
        ahead[i] = (first[i] == labels[i]) - (second[i] == labels[i]);
        counts->first_only += ahead[i] > 0;
        counts->second_only += ahead[i] < 0;
    }
    return ahead;
}

Interval metrics_difference(const int *labels, const int *first, const int *second, const guint *units,
                            guint n)
{
    McNemar counts;
    g_autofree int *ahead = compare(labels, first, second, n, &counts);
    return units ? metrics_grouped_difference(ahead, units, n) : metrics_paired_difference(counts, n);
}

McNemar metrics_mcnemar(const int *labels, const int *first, const int *second, const guint *units, guint n)
{
    McNemar result;
    g_autofree int *ahead = compare(labels, first, second, n, &result);
    guint fewer = MIN(result.first_only, result.second_only);
    g_autoptr(GArray) groups = units ? interval_groups(ahead, NULL, units, n) : NULL;
    result.p = groups ? signs_test(groups)
                      : fmin(1, 2 * binomial_tail(fewer, result.first_only + result.second_only, 0.5));
    return result;
}

static gint compare_pairs(gconstpointer a, gconstpointer b)
{
    const ConfusedPair *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->truth != y->truth ? x->truth - y->truth : x->predicted - y->predicted;
}

GArray *metrics_confused_pairs(const guint *matrix, guint classes)
{
    GArray *pairs = g_array_new(FALSE, FALSE, sizeof(ConfusedPair));
    for (guint t = 0; t < classes; t++) {
        guint support = 0;
        for (guint p = 0; p < classes; p++)
            support += matrix[(gsize)t * classes + p];
        for (guint p = 0; p < classes; p++) {
            guint count = matrix[(gsize)t * classes + p];
            ConfusedPair pair = {(int)t, (int)p, count, ratio(count, support)};
            if (p != t && count)
                g_array_append_val(pairs, pair);
        }
    }
    g_array_sort(pairs, compare_pairs);
    return pairs;
}
