/* unknown: how well a model tells images of no class from those of its classes, by its score and by their similarity to the
 * images trained on (novelty.h). */
#pragma once
#include "evaluate/metrics/evaluation.h"
#include <jansson.h>

/* "linear  0.679   13.1 %  by probability", a line each. */
void unknown_text(GString *text, const Comparison *comparison);

/* null where no unknown images were given. */
json_t *unknown_json(const Comparison *comparison, const Evaluation *evaluation);
