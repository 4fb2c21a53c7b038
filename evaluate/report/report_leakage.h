/* report_leakage: test images that were trained on, in the text, the JSON and the report. */
#pragma once
#include "evaluate/metrics/evaluation.h"

#include <jansson.h>

/* For each model, how many there are and its accuracy with and without them, then the first of them. Nothing if no
 * cache was searched and no model has a record of any. */
void leakage_text(GString *text, const Comparison *comparison);

/* Of one model: all of them, and its accuracy without; null where it is not known. */
json_t *leakage_json(const Comparison *comparison, const Evaluation *evaluation);
