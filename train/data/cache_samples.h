/* cache_samples: images of a cache as samples to train or validate on, read in place where the cache stores
 * float32 as it is, else expanded as they are fetched. */
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

    float *ring; /* (3, batch, D): expanded rows of the latest fetches */
    int batch;
    guint turn; /* of the ring */
} CacheSamples;

/* A cache's images by Keras's rule (validation_split.h), in the order of their names. FALSE with a sentence if either
 * part is empty (split 0: *validation is meant to be), or the cache has fewer than two classes with images. */
gboolean cache_samples_split(Cache *cache, double split, CacheSamples *training, CacheSamples *validation,
                             GError **error);

/* All of another cache, labelled by the classes of `like`; its feature specification must be the same, and
 * its classes must be among those. */
gboolean cache_samples_all(Cache *cache, const Cache *like, CacheSamples *samples, GError **error);

/* From now on each epoch uses a random one of the first `copies` copies of each image that extract --augment stored (0:
 * as many as the first image has). FALSE with a sentence if an image has fewer. */
gboolean cache_samples_draw_copies(CacheSamples *samples, guint copies, guint64 seed, GError **error);

/* The samples' own features (never of copies), as scaling_fit reads them; all of them are read once, so that their
 * checksums hold. *rows borrows from samples. */
gboolean cache_samples_rows(const CacheSamples *samples, Rows *rows, GError **error);
void cache_samples_clear(CacheSamples *samples);

/* Of the source with batches of this size, and of the cache's pages. */
MemoryNeed cache_samples_memory(const CacheSamples *samples, int batch);

/* samples: borrowed by the source. batch: the largest batch. */
BatchSource cache_samples_source(CacheSamples *samples, int batch);

/* Adds to a checksum what the vectors and labels depend on: feature specification, classes, and every
 * item's path, label and content hash. */
void cache_samples_identify(const CacheSamples *samples, GChecksum *sum);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CacheSamples, cache_samples_clear)
