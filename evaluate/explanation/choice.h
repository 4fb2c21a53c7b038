/* choice: chooses the images to explain for each model. */
#pragma once
#include "evaluate/explanation/explanation.h"

/* Appends new explanations without maps to items: up to EXPLANATION_EACH for each reason, an image under the first
 * reason that takes it; the sample by seed, in order of the images. */
void explanation_choose(const Comparison *comparison, guint model, guint64 seed, GPtrArray *items);
