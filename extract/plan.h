/* plan: determines which images must be computed, before the base is prepared, so that a run with nothing to do ends
 * as soon as every file has been hashed. */
#pragma once
#include "common/cache/cache.h"
#include "common/dataset/dataset.h"

typedef enum { IMAGE_NEW, IMAGE_CHANGED, IMAGE_UNCHANGED } ImageState;

typedef struct {
    guint8 *states; /* ImageState of each of the dataset's items */
    guint *work;    /* indices of the items that are not unchanged, in reading order (contents.h) */
    guint n_work;
    guint unchanged;
} Plan;

/* Images not in the cache are not read; the others are hashed by this many threads. how: of the copies among them
 * (copies.h). NULL and error when interrupted, or if an archive cannot be read. */
Plan *plan_new(const Dataset *dataset, CacheWriter *writer, const char *how, guint threads, GError **error);
void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
