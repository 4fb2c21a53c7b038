/* scores: functions of a classifier's outputs for L classes. */
#pragma once
#include <glib.h>

/* Index of the largest of L scores; the first of ties, like numpy.argmax. */
int scores_argmax(const float *scores, guint classes);

/* Of the others than a label; -1: there is none. */
int scores_other(const float *scores, guint classes, int label);

/* Logits (L) to probabilities, in place. The largest is subtracted first to avoid overflow. */
void scores_softmax(double *logits, guint classes);

/* One-vs-rest decision values (L) to probabilities, in place: logistic functions divided by their sum, like
 * scikit-learn's OneVsRestClassifier. */
void scores_logistic(double *values, guint classes);

/* out (n, L): each row of `in` (n, L) turned by one of these; may be the same memory. */
void scores_rows(void (*turn)(double *row, guint classes), const float *in, guint n, guint classes,
                 float *out);
