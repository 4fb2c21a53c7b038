/* image_source: images to train or validate on, run through the base when they are needed.
 *
 * With augmentation, features are computed anew in every epoch, in epoch e from copy e of each image. Without, they are
 * computed once, when first used, and kept (spill.h). */
#pragma once
#include "common/image/augment.h"
#include "common/pipeline/pipeline.h"
#include "train/data/batches.h"
#include "train/data/decoded_images.h"
#include "train/data/validation_split.h"

typedef struct ImageSource ImageSource;

typedef struct {
    const DecodedImages *images; /* borrowed, as are all pointers below */
    Pipeline *pipeline;          /* with image_source_prepare; sources may share it, one fetch at a time */
    Normalization normalization; /* of its tensors */
    gsize features;              /* D of its vectors */
    const char *beside;          /* a file in the folder to spill to */
    const AugmentOptions *augmentation; /* NULL: none */
    guint64 seed;                       /* of the augmentation */
} ImageSourceOptions;

/* part: of the images, borrowed. NULL and error without space. */
ImageSource *image_source_new(const ImageSourceOptions *options, const SplitPart *part, GError **error);

void image_source_prepare(guint index, const guint8 *rgb, float *tensor, gpointer user);
void image_source_free(ImageSource *source);

/* Rows fetched so far, and how many of these the pipeline computed; the others had been kept. */
typedef struct {
    guint64 fetched, computed; /* rows */
    double seconds;            /* spent on computing */
} ImageSourceWork;

/* Not to be called during a fetch. */
ImageSourceWork image_source_work(const ImageSource *source);

/* source: borrowed by the result. A fetch fails when interrupted() becomes true. */
BatchSource image_source_batches(ImageSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageSource, image_source_free)
