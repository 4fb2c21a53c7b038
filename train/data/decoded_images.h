/* decoded_images: the images of a folder as pixels, decoded and resized once for all epochs. */
#pragma once
#include "common/cache/cache.h"
#include "common/core/memory.h"
#include "common/dataset/dataset.h"
#include "train/data/validation_split.h"

typedef struct {
    int side;
    guint count;      /* images that could be read */
    guint skipped;    /* images that could not; each was reported on stderr */
    SplitImage *list; /* (count) keys and groups borrowed from the dataset, labels indices into its classes */
    guint8 (*hashes)[CACHE_HASH]; /* of all items of the dataset */
    guint8 *pixels;               /* (count, side, side, 3) spilled (spill.h) */
    gsize room;                   /* bytes of pixels */
    double seconds;               /* spent on reading and decoding */
} DecodedImages;

/* In the order of the dataset, which must outlive them. beside: a file in the folder to spill to. NULL and error if
 * there is no space, no image could be read, or the user interrupted. */
DecodedImages *decoded_images_load(const Dataset *dataset, const Decoding *how, const char *beside,
                                   guint threads, GError **error);
MemoryNeed decoded_images_memory(guint images, int side);
void decoded_images_free(DecodedImages *images);
const guint8 *decoded_images_pixels(const DecodedImages *images, guint index); /* (side, side, 3) */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DecodedImages, decoded_images_free)
