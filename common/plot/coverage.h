/* coverage: what is right of a model's answers (model/coverage.h), as a figure. */
#pragma once
#include "common/model/coverage.h"
#include "common/plot/canvas.h"

/* Of a figure of probabilities, where no model gives any. */
extern const char coverage_refusal[];

/* Accuracy, with its 95 % interval, against the share of images answered, of n models; refused where none gives
 * probabilities. */
CanvasFigure coverage_figure(const Answers *const *answers, guint n);
