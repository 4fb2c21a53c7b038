/* validation_split: which images a model is validated on: the first int(split * images) of each class, in an order of their
 * names.
 *
 *     hash    their hashes (common/dataset/partition.h), as for extract --split-test; where images have groups, as there,
 *             so that these stay together
 *     keras   that of Keras's walk: folders in byte order, and in each its files in byte order, so that a folder's own
 *             files come before those of its subfolders; no groups
 *
 * Names in order often are of one camera, day or scene, and the first are not like the rest. */
#pragma once
#include "train/options.h"

typedef struct {
    guint n, classes;
    const int *labels;         /* (n), below classes */
    const char *const *keys;   /* (n) "class/…/name" */
    const char *const *groups; /* (n); NULL: in none */
    const char *const *names;  /* (classes) */
} ValidationImages;

/* (n) answers, TRUE for validation, all FALSE with split 0; caller frees. NULL and error if groups cannot be kept together. */
gboolean *validation_split(const ValidationImages *images, double split, ValidationOrder order,
                           GError **error);
