/* report_coverage: how much of what models answer is right, if they answer only what they are sure of (coverage.h), as JSON;
 * its section of the report is in report_sections.h. */
#pragma once
#include "common/plot/coverage.h"
#include "evaluate/metrics/evaluation.h"
#include <jansson.h>

/* What the models answer (as many as there are), borrowed from the comparison. Caller frees. */
Answers *coverage_answers(const Comparison *comparison);

/* The text of each model, below a heading. */
void coverage_report_text(GString *text, const Comparison *comparison);

/* The targets that the model reaches; empty without probabilities. */
json_t *coverage_json(const Comparison *comparison, const Evaluation *evaluation);
