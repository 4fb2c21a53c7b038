/* unknown: how well a model tells images of no class from those of its classes, by its score and by their similarity to
 * the images trained on (novelty.h). */
#pragma once
#include "evaluate/metrics/evaluation.h"

typedef struct {
    Separation score, similarity; /* similarity and what follows: where the model keeps images trained on */
    double limit; /* the model's; if it has none, that which keeps METRICS_KEPT of the images trained on */
    double kept, told; /* share of the known images at the limit or above it, and of the unknown below it */
} UnknownFigures;

/* With its comparison's unknown images. */
UnknownFigures unknown_measure(const Evaluation *evaluation);
