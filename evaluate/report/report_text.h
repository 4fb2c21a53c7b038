/* report_text: figures as text for a terminal, in scikit-learn's layouts. Names are UTF-8; columns count
 * characters. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* scikit-learn's classification_report, line by line, with so many digits. names: (L). */
void text_report(GString *text, const char *const *names, const guint *matrix, guint classes, int digits);

/* True classes on rows, predicted on columns, numbered; each row bears its class's name. */
void text_confusion(GString *text, const char *const *names, const guint *matrix, guint classes);

/* The `max` most confused pairs, a line each; nothing where there is none. */
void text_confused_pairs(GString *text, const char *const *names, const guint *matrix, guint classes,
                         guint max);

/* A line a model: accuracy and its interval, top-k, macro F1, log loss and calibration error ("-" for
 * margins). */
void text_table(GString *text, const Comparison *comparison);

/* A line for each pair of models: McNemar's exact test. Nothing for one model. */
void text_mcnemar(GString *text, const Comparison *comparison);

/* All of it: each model, then the models side by side. */
void text_comparison(GString *text, const Comparison *comparison, int digits);
