/* unknown: how well models tell images of no class from those of their classes, by their scores and by the similarity to the
 * images trained on (novelty.h). */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* Fills in what each model tells of the comparison's unknown images, by the limit that it has; nothing where there are none. */
void unknown_measure(const Comparison *comparison);
