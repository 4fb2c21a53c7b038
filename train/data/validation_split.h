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
#include "common/dataset/dataset.h"
#include "common/model/trained_on.h"
#include "train/options.h"

/* Those that are trained on, or those that validate. */
typedef struct {
    guint count;
    guint32 *items; /* (count) indices into all */
    int *labels;    /* (count) */
    guint *units;   /* (count) the first image of each one's group; NULL: none is in a group */
} SplitPart;

/* (n) answers, TRUE for validation, all FALSE with split 0; caller frees. NULL and error if groups cannot be kept together. */
gboolean *validation_split(const Dataset *all, double split, ValidationOrder order, GError **error);

/* The parts that are trained on (0) and validate (1). FALSE and error, also if one of them is empty with a split above 0. */
gboolean split_parts(const Dataset *all, double split, ValidationOrder order, SplitPart parts[2],
                     GError **error);

/* The part of those whose answer is this; answers NULL: all. */
SplitPart split_part(const Dataset *all, const gboolean *answers, gboolean answer);
void split_part_clear(SplitPart *part);

TrainedOn *split_trained_on(const Dataset *all, const SplitPart *part);
