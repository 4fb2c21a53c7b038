/* predictions: what each model predicted for each image, as CSV: path,true,predicted, then one column per
 * class with its probability, or its decision value where the model has no probabilities. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* One model: to path. Several: to one file each, the model's name before the ending (predictions-dense.csv).
 * FALSE and error if a file cannot be written. */
gboolean predictions_write(const Comparison *comparison, const char *path, GError **error);
