/* verdict_lines: the verdict in words, for the top of the report and the end of the text output. */
#pragma once
#include "evaluate/metrics/evaluation.h"

typedef struct {
    const char *question; /* "Best model", "Cost", … */
    char *answer;         /* one or a few sentences, UTF-8, commands between backquotes (html_prose) */
} VerdictLine;

/* In order: how good the best model is, whether it is really better than the others and than guessing, what the models
 * cost, where the best one fails, and what to do next. timing: say also how long a prediction took, which differs from
 * run to run. An array of VerdictLine that frees its answers. */
GArray *verdict_lines(const Comparison *comparison, gboolean timing);
