/* scores: what classifiers say of L classes. */
#pragma once
#include <glib.h>

/* Index of the largest of L scores; the first of ties, like numpy.argmax. */
int scores_argmax(const float *scores, guint classes);

/* Logits (L) to probabilities, in place. The largest is subtracted first, so that nothing overflows. */
void scores_softmax(double *logits, guint classes);

/* Decision values (L), each of a class against the rest, to probabilities, in place: logistic functions over their sum,
 * as scikit-learn's OneVsRestClassifier has them. */
void scores_logistic(double *values, guint classes);
