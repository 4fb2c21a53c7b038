/* class_weights: weights of the loss by an image's class. */
#pragma once
#include <glib.h>

/* text: "none" (1 each), "balanced" (n / (L * images of the class), scikit-learn's formula) or
 * "NAME:WEIGHT,…" (1 for classes not listed). names, counts: (L) each class's name and images. NULL and
 * error for anything else. Caller frees. */
double *class_weights_new(const char *text, const char *const *names, const guint *counts, guint classes,
                          GError **error);
