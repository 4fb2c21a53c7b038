/* calibration: calibrated probabilities from a model's outputs by temperature scaling (Guo et al. 2017, "On Calibration
 * of Modern Neural Networks"): softmax(z / T), where z are decision values, or logarithms of probabilities if the model
 * outputs those. The order of the classes, and therefore every prediction, stays the same. */
#pragma once
#include <glib.h>

#define CALIBRATION_MIN 1e-3 /* temperatures are limited to this range */
#define CALIBRATION_MAX 1e3

/* The temperature that minimises the cross-entropy on n images not used for training. outputs (n, L): z, or with logs
 * set probabilities, whose logarithms are z; labels (n). Targets are Platt's (1999): the true class gets 1 - 1/(n + 2),
 * the others share the rest, so that a small set without mistakes does not imply certainty. n >= 1, L >= 2. */
double calibration_fit(const float *outputs, gboolean logs, const int *labels, guint n, guint classes);

/* probabilities (n, L) = softmax(z / temperature); may be the same memory as outputs. */
void calibration_apply(const float *outputs, gboolean logs, double temperature, guint n, guint classes,
                       float *probabilities);

/* What is right if only images are answered whose confidence, the probability of the predicted class, is at least
 * threshold. */
typedef struct {
    double threshold;
    guint answered, right;
} CoveragePoint;

/* A point for each confidence that occurs, from the highest to the lowest, at which all images are answered: an array of
 * CoveragePoint. */
GArray *calibration_coverage(const float *probabilities, const int *labels, guint n, guint classes);

/* The point that answers most images of those at which at least this share of the answers is right; NULL: there is none. */
const CoveragePoint *calibration_accept(const GArray *coverage, double accuracy);
