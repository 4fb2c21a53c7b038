/* partition: divides images into two parts, by class, so that images that belong together stay together.
 *
 * Of each class's n images, round(share n), but at least one and not all, are wanted in the second part. Units (a group, or
 * a single image) are taken in the order of the lowest hash of their images, each if that brings the classes nearer to
 * what is wanted; a class that would then have none gets its smallest unit. Without groups, these are the images with
 * the lowest hashes of each class, the same on every machine, and images that come later do not move those that are
 * there. */
#pragma once
#include "common/dataset/dataset.h"

typedef struct {
    guint64 hash; /* of its name: partition_hash */
    int label;    /* class; -1: of no class */
    guint unit;   /* below n: images of one unit stay together */
    int place;    /* before: -1 free, or the part (0, 1) that it has to stay in; after: its part */
} PartitionItem;

guint64 partition_hash(const char *name);

/* (n) units by groups (NULL: a unit of its own): the first item of the same group; NULL if none is of a group. Caller
 * frees. */
guint *partition_units(const char *const *groups, guint n);

/* Sets them. */
void partition_group(PartitionItem *items, guint n, const char *const *groups);

/* Those of a dataset, all free. Caller frees. */
PartitionItem *partition_items(const Dataset *dataset);

/* FALSE and a sentence that begins with `what` ("--split-test") if a class cannot be divided. */
gboolean partition(PartitionItem *items, guint n, double share, const char *const *classes, guint n_classes,
                   const char *what, GError **error);
