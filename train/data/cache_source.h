/* cache_source: images of a cache to train or validate on. Their features are read in place if the cache stores plain
 * float32, else expanded when they are fetched. */
#pragma once
#include "common/cache/cache.h"
#include "common/model/scaling.h"
#include "train/data/batches.h"
#include "train/data/validation_split.h"

typedef struct {
    Cache *cache;          /* borrowed */
    const SplitPart *part; /* of its items, borrowed */

    guint copies; /* augmented copies per image, of which an epoch draws one; 0: the images themselves */
    guint32 *copy_items; /* (count, copies) indices into the cache */
    guint64 seed;        /* of the draw */
} CacheSource;

/* All images of another cache, with the labels of the classes of `like`; its feature specification must be the same, and
 * its classes must be among those. NULL and error else. */
Dataset *cache_source_other(Cache *cache, const Cache *like, GError **error);

/* From now on each epoch uses a random one of the first `copies` copies of each image that extract --augment stored (0:
 * as many as the first image has). FALSE and error if an image has fewer. */
gboolean cache_source_draw_copies(CacheSource *source, guint copies, guint64 seed, GError **error);

/* Reads the features of the images themselves, never of copies, so that rows that cannot be read are found at once. */
gboolean cache_source_read(const CacheSource *source, GError **error);

/* Fits scaling to the features of the images themselves, never of copies. FALSE and error if they cannot be read. */
gboolean cache_source_fit(const CacheSource *source, Scaling *scaling, GError **error);
void cache_source_clear(CacheSource *source);

/* source: borrowed by the result. */
BatchSource cache_source_batches(CacheSource *source);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CacheSource, cache_source_clear)
