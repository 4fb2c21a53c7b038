/* image_samples: images as samples to train or validate on, run through the base when they are needed.
 *
 * Augmented samples are computed anew in every epoch; copy e of an image serves epoch e. Samples that are the
 * same in every epoch are computed once, at their first use, and kept (spill.h). */
#pragma once
#include "common/image/augment.h"
#include "common/pipeline/pipeline.h"
#include "train/data/batches.h"
#include "train/data/decoded_images.h"

typedef struct ImageSamples ImageSamples;

typedef struct {
    const DecodedImages *images; /* borrowed, as is all below */
    Pipeline *pipeline; /* prepares images by image_samples_prepare; may serve several samples, one fetch at a
                           time */
    Normalization normalization;        /* of its tensors */
    gsize features;                     /* D of its vectors */
    int batch;                          /* the largest number of images in a fetch */
    const char *beside;                 /* where to spill */
    const AugmentOptions *augmentation; /* NULL: none */
    guint64 seed;                       /* of it */
} ImageSamplesOptions;

/* items: (count) indices into images; copied. NULL with a sentence where there is no room. */
ImageSamples *image_samples_new(const ImageSamplesOptions *options, const guint32 *items, guint count,
                                GError **error);

/* For this many samples; batch: the largest fetch if they are augmented, else 0. */
MemoryNeed image_samples_memory(const FeatureSpec *spec, guint count, int batch);
void image_samples_prepare(guint index, const guint8 *rgb, float *tensor, gpointer user);
void image_samples_free(ImageSamples *samples);

/* What has been fetched so far, and what of it the pipeline had to compute; the rest was kept. */
typedef struct {
    guint64 fetched, computed; /* rows */
    double seconds;            /* of computing */
} ImageSamplesWork;

/* Not while a fetch runs. */
ImageSamplesWork image_samples_work(const ImageSamples *samples);

/* samples: borrowed by the source. A fetch fails when interrupted() becomes true. */
BatchSource image_samples_source(ImageSamples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImageSamples, image_samples_free)
