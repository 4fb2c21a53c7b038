/* scores: see scores.h. */
#include "common/network/scores.h"

#include <math.h>

int scores_argmax(const float *scores, guint classes)
{
    guint best = 0;
    for (guint c = 1; c < classes; c++)
        if (scores[c] > scores[best])
            best = c;
    return (int)best;
}

int scores_other(const float *scores, guint classes, int label)
{
    int best = -1;
    for (int c = 0; c < (int)classes; c++)
        if (c != label && (best < 0 || scores[c] > scores[best]))
            best = c;
    return best;
}

void scores_softmax(double *logits, guint classes)
{
    double largest = logits[0], sum = 0;
    for (guint c = 1; c < classes; c++)
        if (logits[c] > largest)
            largest = logits[c];
    for (guint c = 0; c < classes; c++)
        sum += logits[c] = exp(logits[c] - largest);
    for (guint c = 0; c < classes; c++)
        logits[c] /= sum;
}

void scores_logistic(double *values, guint classes)
{
    double sum = 0;
    for (guint c = 0; c < classes; c++)
        sum += values[c] = 1 / (1 + exp(-values[c]));
    for (guint c = 0; c < classes; c++)
        values[c] = sum > 0 ? values[c] / sum : 1.0 / classes;
}

void scores_rows(void (*turn)(double *row, guint classes), const float *in, guint n, guint classes,
                 float *out)
{
    g_autofree double *row = g_new(double, classes);
    for (gsize i = 0; i < (gsize)n * classes; i += classes) {
        for (guint c = 0; c < classes; c++)
            row[c] = in[i + c];
        turn(row, classes);
        for (guint c = 0; c < classes; c++)
            out[i + c] = (float)row[c];
    }
}
