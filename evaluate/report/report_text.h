/* report_text: metrics as text for a terminal, in scikit-learn's layouts. Names are UTF-8; widths count
 * characters. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* scikit-learn's classification_report, line by line, with this many digits. names: (L). */
void text_report(GString *text, const char *const *names, const guint *matrix, guint classes, int digits);

/* True classes on rows, predicted on columns, numbered; each row carries its class's name. */
void text_confusion(GString *text, const char *const *names, const guint *matrix, guint classes);

/* Everything: each model, then the models side by side, then the verdict and the answers to what else was asked, coverage
 * (report_answers.h) as well. */
void text_comparison(GString *text, const Comparison *comparison, const Style *style, gboolean coverage);
