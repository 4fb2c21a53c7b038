/* report_answers: the answers beside the metrics, for the text and the JSON; the sections of the page are in
 * report_sections.h. Texts are nothing where the question was not asked, and the JSON of a model then is null or
 * empty. */
#pragma once
#include "common/plot/coverage.h"
#include "evaluate/metrics/evaluation.h"
#include "evaluate/report/row.h"

/* Test images that were trained on (questions/leakage.h): for each model, how many there are and its accuracy with and
 * without them, then the first of them; the JSON has all. */
void leakage_text(GString *text, const Comparison *comparison);
json_t *leakage_json(const Evaluation *evaluation);

/* How much of what models answer is right, if they answer only what they are sure of (plot/coverage.h). */
void coverage_report_text(GString *text, const Comparison *comparison);
json_t *coverage_json(const Evaluation *evaluation);

/* On which slices (questions/slices.h) a model is more or less often right: a line for each; those that differ are
 * marked. */
void slices_text(GString *text, const Comparison *comparison);
json_t *slices_json(const Evaluation *evaluation);

/* How well images of no class are told (questions/unknown.h): "linear  0.679   13.1 %  by probability", a line
 * each. */
void unknown_text(GString *text, const Comparison *comparison);
json_t *unknown_json(const Evaluation *evaluation);

/* ---- The metrics, as lines of page and JSON ---- */

void describe_figures(Row *row, gconstpointer comparison, guint model); /* but those by class */
void describe_pair(Row *row, gconstpointer pairs, guint pair);          /* an array of ModelPair */
void row_metrics(Row *row, ClassMetrics f);

void describe_confused(Row *row, gconstpointer evaluation, guint pair); /* of its confused */
