/* samples: the training data of a linear head: rows of the cache, scaled when taken. */
#pragma once
#include "common/model/scaling.h"

typedef struct {
    Rows rows;              /* N of D floats; what they stand on is borrowed (a cache) */
    const int *labels;      /* (N), 0 … L-1, borrowed */
    guint n, classes;       /* N, L */
    gsize features;         /* D */
    const Scaling *scaling; /* fitted, borrowed */
    float *factors;         /* (N) scaling_factor of each row */
    double bias;            /* B: liblinear's -B, a feature of this value appended to each row; < 0: none */
} Samples;

Samples *samples_new(const Rows *rows, const int *labels, guint classes, const Scaling *scaling, double bias);
void samples_free(Samples *samples);

/* Features first … first+count-1 of a row, scaled, without the bias; first: a multiple of 64. */
void samples_take(const Samples *samples, guint row, gsize first, gsize count, float *out);
/* max over classes and features of |sum over rows of y x|, y = +1 for the class's rows and -1
 * for the rest. */
double samples_largest_correlation(const Samples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Samples, samples_free)
