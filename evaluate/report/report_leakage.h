/* report_leakage: test images that were trained on, in the text, the JSON and the report. */
#pragma once
#include "evaluate/metrics/evaluation.h"

#include <jansson.h>

/* How many there are for each model, its accuracy with and without them, and the first of them. Nothing where none was
 * looked for in a cache, and no model knows of any. */
void leakage_text(GString *text, const Comparison *comparison);

/* Of one model: all of them, and its accuracy without; null where it is not known. */
json_t *leakage_json(const Comparison *comparison, const Evaluation *evaluation);
