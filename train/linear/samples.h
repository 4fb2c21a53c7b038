/* samples: the training data of a linear head: rows of the cache, read in place and scaled when taken. */
#pragma once
#include "common/model/scaling.h"

typedef struct {
    const float *const *x;  /* (N) rows of D floats, borrowed (a cache's) */
    const int *labels;      /* (N), 0 … L-1, borrowed */
    guint n, classes;       /* N, L */
    gsize features;         /* D */
    const Scaling *scaling; /* fitted, borrowed */
    float *factors;         /* (N) scaling_factor of each row */
    double bias;            /* B: liblinear's -B, a feature of this value appended to each row; < 0: none */
} Samples;

Samples *samples_new(const float *const *x, const int *labels, guint n, guint classes, const Scaling *scaling,
                     double bias);
void samples_free(Samples *samples);

/* Features first … first+count-1 of a row, scaled, without the bias. */
void samples_take(const Samples *samples, guint row, gsize first, gsize count, float *out);
/* max over classes and features of |sum over rows of y x|, y = +1 for the class's rows and -1
 * for the rest. */
double samples_largest_correlation(const Samples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Samples, samples_free)
