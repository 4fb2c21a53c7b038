/* batches: mini-batches of images' vectors, fetched by a separate thread while earlier batches are trained on. */
#pragma once
#include "common/core/memory.h"
#include "common/model/scaling.h"
#include "common/network/trainer.h"
#include "train/data/validation_split.h"

/* Sets rows[0 … n-1] to the vectors of images indices[0 … n-1] in this epoch (from 1): where they lie, or in
 * buffer (n, D). Called from one thread, one batch after another. */
typedef gboolean (*BatchFetch)(gpointer user, int epoch, const guint32 *indices, int n, float *buffer,
                               const float **rows, GError **error);

/* Images to train or validate on; borrowed. */
typedef struct {
    const SplitPart *part; /* these */
    BatchFetch fetch;
    gpointer user;
    gsize features;         /* D */
    gboolean in_place;      /* fetch needs no buffer */
    const Scaling *scaling; /* of the rows, which are scaled as they are fetched; NULL: none */
    double averages;        /* W, how often what places have in common then counts (averages.h), and P: */
    gsize places;
} BatchSource;

typedef struct Batches Batches;

/* One epoch's batches of `size` images (the last one may be smaller), from number `first` on. order: a permutation of
 * the images, or NULL for the source's order; borrowed. class_weights: weight of an image by its label, or NULL. */
Batches *batches_new(const BatchSource *source, const guint32 *order, int size, guint first, int epoch,
                     const double *class_weights);
void batches_free(Batches *batches);

/* The current batch and the one after it (NULL after the last), both valid until the next call. FALSE at the end
 * (*batch is NULL), or with error. */
gboolean batches_next(Batches *batches, const Batch **batch, const Batch **next, GError **error);

/* What batches of this size take for rows that do not lie elsewhere. */
MemoryNeed batches_memory(gsize features, guint images, int size);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Batches, batches_free)
