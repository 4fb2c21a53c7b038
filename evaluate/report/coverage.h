/* coverage: how much of what a model answers is right, if it answers only what it is sure of. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* The shares of right answers that text and JSON give a threshold for. */
enum { COVERAGE_TARGETS = 3 };
extern const double coverage_targets[COVERAGE_TARGETS];

/* "linear  95 % right from 0.83 on (93.1 to 97.0), answering 71.0 % of the images", a line each. */
void coverage_text(GString *text, const Comparison *comparison);

/* Draws accuracy, with its 95 % interval, against the share of images answered (.png, .svg or .pdf). FALSE and error where
 * no model gives probabilities. */
gboolean coverage_write(const Comparison *comparison, const char *path, GError **error);
