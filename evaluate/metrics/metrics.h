/* metrics: metrics of a classifier from true and predicted labels. Pure functions without files, models or output.
 *
 * N images, L classes; labels and predictions are indices 0 … L-1, a matrix is (L, L), true on rows, predicted on
 * columns. Metrics that scikit-learn has are equal to scikit-learn's to the last digit (zero_division=0). */
#pragma once
#include "common/model/interval.h"

typedef struct {
    double precision, recall, f1; /* 0 if the denominator is 0: scikit-learn's zero_division=0 */
    guint support;                /* images of this class; all images for an average */
} ClassMetrics;

typedef struct {
    int truth, predicted; /* never equal */
    guint count;
    double share; /* as a share of the true class's images */
} ConfusedPair;

typedef struct {
    guint first_only, second_only; /* images that only one of the two classifiers gets right */
    double p;                      /* two-sided */
} McNemar;

/* Bin i of a reliability diagram: images whose confidence is in (i/bins, (i+1)/bins]. */
typedef struct {
    guint count;
    double confidence, accuracy; /* means over the bin; 0 if it is empty */
} ReliabilityBin;

enum { RELIABILITY_BINS = 15 }; /* Guo et al. 2017 */

/* matrix (L, L) is overwritten. */
void metrics_confusion(const int *labels, const int *predicted, guint n, guint classes, guint *matrix);

double metrics_accuracy(const guint *matrix, guint classes); /* 0 where n = 0 */

/* metrics (L); macro: unweighted means over the classes; weighted: means weighted by support.
 * precision_recall_fscore_support, with f1 = 2 p r / (p + r). */
void metrics_per_class(const guint *matrix, guint classes, ClassMetrics *metrics, ClassMetrics *macro,
                       ClassMetrics *weighted);

/* Share of images whose true class is among the k highest scores (n, L); ties go to the class that comes
 * first, so that k = 1 is the accuracy. */
double metrics_top_k(const float *scores, const int *labels, guint n, guint classes, guint k);

/* Mean of -ln(probability of the true class): probabilities (n, L) clipped to [2.2e-16, 1 - 2.2e-16] and rows
 * divided by their sums, as scikit-learn's log_loss does in float64. */
double metrics_log_loss(const float *probabilities, const int *labels, guint n, guint classes);

/* Bins of equal width over the confidence, which is the probability of the predicted class. */
void metrics_reliability(const float *probabilities, const int *labels, guint n, guint classes,
                         ReliabilityBin *bins, guint n_bins);

/* Expected calibration error (Naeini et al. 2015; Guo et al. 2017): the mean over images of |accuracy -
 * confidence| of their bin. */
double metrics_calibration_error(const ReliabilityBin *bins, guint n_bins);

/* Fisher's exact test (1922), two-sided, of `right` of n images against `others_right` of m: the probability of a table at
 * most as likely as this one if both are right equally often; scipy.stats.fisher_exact. */
double metrics_fisher(guint right, guint n, guint others_right, guint m);

/* The same over groups (interval.h): of (N) is the index of an image's slice, negative: not counted. If values (N), 1 where
 * right, do not depend on the slice, a group's part in their covariance with being in it is as likely to have either sign
 * (Kline & Santos 2012, Journal of Econometric Methods 1): how often, with signs drawn from a fixed seed, the sum is at
 * least as far from 0, at least 1 / (INTERVAL_DRAWS + 1); of G groups about 2 / 2^G at best. */
double metrics_grouped_differs(const int *values, const int *of, int slice, const guint *units, guint n);

/* Holm's correction (1979) of n values p in place, each at most 1. */
void metrics_holm(double *p, guint n);

/* How well a score tells known images from unknown ones. */
typedef struct {
    double
        auroc; /* probability that a known image has the higher one, ties by half: scikit-learn's roc_auc_score */
    double told; /* share of the unknown below the highest limit that METRICS_KEPT of the known reach */
} Separation;
#define METRICS_KEPT 0.95

/* Scores of n known and m unknown images, both at least one. */
Separation metrics_separation(const float *known, guint n, const float *unknown, guint m);

/* McNemar's exact test (1947) of two classifiers on the same images. If both are equally good, each image that only
 * one gets right is equally likely to be either's: p = min(1, 2 P(X <= min(b, c))), X ~ Binomial(b + c, 1/2).
 *
 * Images of a group are not independent. units (n): numbers below n, the same for images of a group; NULL: each is its own.
 * Then the difference b - c of each group is as likely to have either sign, and p is the probability that their sum is at
 * least as far from 0: the same if each group is one image. */
McNemar metrics_mcnemar(const int *labels, const int *first, const int *second, const guint *units, guint n);

/* 95 % interval of the difference of two accuracies on the same n images, first minus second (Agresti & Min 2005,
 * Statistics in Medicine 24: half an image added to each of the four cells). */
Interval metrics_paired_difference(McNemar test, guint n);

/* The same of values (n) in {-1, 0, 1}, right minus right, over groups (interval.h). Where no two groups differ, the above for
 * as many images as there are groups. */
Interval metrics_grouped_difference(const int *values, const guint *units, guint n);

/* That of them which units, as metrics_mcnemar takes them, call for. */
Interval metrics_difference(const int *labels, const int *first, const int *second, const guint *units,
                            guint n);

/* Exact one-sided binomial test: the probability of `right` or more right answers among n if each is right with
 * probability `share`. Grouped: how often draws of groups do not exceed share, at least 1 / (INTERVAL_DRAWS + 1). */
double metrics_beats_guessing(guint right, guint n, double share);
double metrics_grouped_beats_guessing(const int *values, const guint *units, guint n, double share);

/* The pairs that occur, most frequent first, ties by true and then predicted label: an array of
 * ConfusedPair. */
GArray *metrics_confused_pairs(const guint *matrix, guint classes);
