/* validation_split: which images a model is validated on. */
#pragma once
#include <glib.h>

/* Keras's rule: the first int(split * images) of each class, in the order given, are for validation, the rest for
 * training. labels: (n), below classes. (n) answers, TRUE for validation; caller frees. */
gboolean *validation_split(const int *labels, guint n, guint classes, double split);
