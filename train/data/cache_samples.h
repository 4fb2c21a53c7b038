/* cache_samples: images of a cache as samples to train or validate on, read in place. */
#pragma once
#include "common/cache/cache.h"
#include "train/data/batches.h"

typedef struct {
    Cache *cache; /* borrowed; open as long as this lives */
    guint count;
    guint32 *items; /* (count) indices into the cache */
    int *labels;    /* (count) */

    guint copies; /* augmented ones of each image, of which an epoch draws one; 0: the images themselves */
    guint32 *copy_items; /* (count, copies) indices into the cache */
    guint64 seed;        /* of the draw */
} CacheSamples;

/* Keras's rule: of each class the first int(split * images), in the order of their names, are for validation,
 * the others for training. FALSE with a sentence where either gets none (split 0: *validation is empty), or
 * the cache has fewer than two classes with images. */
gboolean cache_samples_split(Cache *cache, double split, CacheSamples *training, CacheSamples *validation,
                             GError **error);

/* All of another cache, labelled by the classes of `like`; its recipe has to be the same, its classes among
 * them. */
gboolean cache_samples_all(Cache *cache, const Cache *like, CacheSamples *samples, GError **error);

/* From now on, of each image a copy is drawn in each epoch, out of the first `copies` that extract --augment
 * stored (0: out of all that the first image has). FALSE with a sentence where an image has not so many. */
gboolean cache_samples_draw_copies(CacheSamples *samples, guint copies, guint64 seed, GError **error);
void cache_samples_clear(CacheSamples *samples);

/* samples: borrowed by the source. */
BatchSource cache_samples_source(CacheSamples *samples);

/* Adds what the vectors and labels depend on: recipe, classes, and every item's path, label and content hash. */
void cache_samples_identify(const CacheSamples *samples, GChecksum *sum);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CacheSamples, cache_samples_clear)
