/* batches: mini-batches of images' vectors, fetched by a separate thread while earlier batches are trained on. */
#pragma once
#include "common/core/floats.h"
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
    const Scaling *scaling; /* of the rows, which are scaled as they are fetched; NULL: none */
    double averages;        /* W, how often what places have in common then counts (averages.h), and P: */
    gsize places;
} BatchSource;

typedef struct Batches Batches;

/* For batches of `size` images (the last one of an epoch may be smaller), of at most `images`, in arrays of the arena;
 * while that measures, the result may only be freed. features: D of a row. */
Batches *batches_new(Arena *arena, int size, guint images, gsize features);
void batches_free(Batches *batches);

/* Begins an epoch with its batch number `first`, and ends the one before. order: a permutation of the source's images,
 * or NULL for the source's order; borrowed, as are the source and class_weights: weight of an image by its label, or
 * NULL. */
void batches_begin(Batches *batches, const BatchSource *source, const guint32 *order, guint first, int epoch,
                   const double *class_weights);

/* The current batch and the one after it (NULL after the last), both valid until the next call. FALSE at the end
 * (*batch is NULL), or with error. */
gboolean batches_next(Batches *batches, const Batch **batch, const Batch **next, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Batches, batches_free)
