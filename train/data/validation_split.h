/* validation_split: which images a model is validated on. */
#pragma once
#include <glib.h>

/* Keras's rule: the first int(split * images) of each class are for validation, the rest for training, in the order of
 * its walk: folders in byte order, and in each its files in byte order, so that a folder's own files come before those of
 * its subfolders. labels: (n), below classes; keys: (n) "class/…/name". (n) answers, TRUE for validation; caller frees. */
gboolean *validation_split(const int *labels, const char *const *keys, guint n, guint classes, double split);
