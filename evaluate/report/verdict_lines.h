/* verdict_lines: the verdict in words, for the top of the report and the end of the text output. */
#pragma once
#include "evaluate/metrics/evaluation.h"

enum { VERDICT_LINES = 7 };

/* In order: how good the best model is, whether it is really better than the others and than guessing, what the models
 * cost, where the best one fails, and what to do next: *question, "Best model", "Cost", …, and one or a few sentences,
 * by prose_print. NULL: nothing. timing: say also how long a prediction took, which differs from run to run. Caller
 * frees. */
char *verdict_line(const Comparison *comparison, gboolean timing, guint line, const char **question);
