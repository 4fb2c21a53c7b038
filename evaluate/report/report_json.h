/* report_json: all metrics as JSON.
 *
 *   {"source": "test.cache", "images": 2500, "classes": ["apple_pie", …], "skipped": ["path: reason", …],
 *    "models": [{"model": "dense.h5", "name": "dense", "approach": "standalone", "head": "dense",
 *                "accuracy": 0.73, "accuracy_interval": [0.71, 0.75], "top_k": 0.95, "k": 5,
 *                "log_loss": 0.8, "calibration_error": 0.04,        (null if outputs are decision values)
 *                "probabilities": true, "temperature": 1.3,         (null if not calibrated)
 *                "macro_avg": {"precision": …, "recall": …, "f1-score": …, "support": …}, "weighted_avg": {…},
 *                "per_class": {"apple_pie": {…}, …}, "confusion_matrix": [[true 0: predicted 0, …], …],
 *                "confused_pairs": [{"true": …, "predicted": …, "count": …, "share": …}, …],
 *                "reliability": [{"count": …, "confidence": …, "accuracy": …}, …],
 *                "worst_errors": [{"path": …, "true": …, "predicted": …, "score": …}, …],
 *                "recipe": {…}, "training": {…}}, …],
 *    "mcnemar": [{"first": "dense", "second": "linear", "first_only": 12, "second_only": 9, "p": 0.66}, …]}
 *
 * Names of metrics are those of scikit-learn's classification_report(output_dict=True). */
#pragma once
#include "evaluate/metrics/evaluation.h"

gboolean report_json_write(const Comparison *comparison, const char *path, GError **error);
