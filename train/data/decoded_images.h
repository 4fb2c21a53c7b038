/* decoded_images: the images of a folder as pixels, decoded and resized once for all epochs. */
#pragma once
#include "common/dataset/dataset.h"
#include "common/image/image.h"

typedef struct {
    int side;
    const Dataset *dataset; /* borrowed: of the images that could be read */
    guint count;            /* of these */
    guint skipped;          /* images that could not; each was reported on stderr */
    guint8 *pixels;         /* (count, side, side, 3) spilled (spill.h) */
    gsize room;             /* bytes of pixels */
    double seconds;         /* spent on reading and decoding */
} DecodedImages;

/* Those of the dataset, which must outlive them, and keeps the images that could be read, with their hashes, in its
 * order. beside: a file in the folder to spill to. NULL and error if there is no space, no image could be read, or the
 * user interrupted. */
DecodedImages *decoded_images_load(Dataset *dataset, const Decoding *how, const char *beside, guint threads,
                                   GError **error);
void decoded_images_free(DecodedImages *images);
const guint8 *decoded_images_pixels(const DecodedImages *images, guint index); /* (side, side, 3) */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DecodedImages, decoded_images_free)
