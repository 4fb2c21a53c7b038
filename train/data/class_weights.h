/* class_weights: weights of the loss by an image's class. */
#pragma once
#include "train/data/validation_split.h"

/* (L) of the classes by their names. text: "none" (1 each), "balanced" (n / (L * images of the class), scikit-learn's
 * formula, of the part's images) or "NAME:WEIGHT,…" (1 for classes not listed). NULL and error for anything else. Caller
 * frees. */
double *class_weights_new(const char *text, GPtrArray *classes, const SplitPart *part, GError **error);
