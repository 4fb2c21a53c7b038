/* report_slices: on which slices (slices.h) a model is more or less often right, as text and JSON. */
#pragma once
#include "evaluate/metrics/evaluation.h"
#include <jansson.h>

/* A line for each slice; those that differ are marked. Nothing without a table. */
void slices_text(GString *text, const Comparison *comparison);
json_t *slices_json(const Comparison *comparison, const Evaluation *evaluation); /* empty without a table */
