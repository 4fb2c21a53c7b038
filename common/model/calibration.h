/* calibration: probabilities one may believe, from a model's outputs, by one number: temperature scaling (Guo
 * et al. 2017, "On Calibration of Modern Neural Networks"): softmax(z / T), z decision values, or logarithms
 * of probabilities where the model gives those already. The order of the classes, and so every prediction,
 * stays what it was. */
#pragma once
#include <glib.h>

#define CALIBRATION_MIN 1e-3 /* temperatures lie between these */
#define CALIBRATION_MAX 1e3

/* The temperature of the least cross-entropy on n images that training did not see. outputs: (n, L), logs:
 * they are probabilities, whose logarithms are z; labels: (n). Targets are Platt's (1999): the true class is
 * given 1 - 1/(n + 2), the others share the rest, so that a small part without a mistake does not claim
 * certainty. n >= 1, L >= 2. */
double calibration_fit(const float *outputs, gboolean logs, const int *labels, guint n, guint classes);

/* probabilities (n, L) = softmax(z / temperature); may be the same memory as outputs. */
void calibration_apply(const float *outputs, gboolean logs, double temperature, guint n, guint classes,
                       float *probabilities);
