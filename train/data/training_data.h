/* training_data: what a network is trained and validated on, wherever its rows come from. */
#pragma once
#include "train/data/cache_samples.h"
#include "train/data/image_samples.h"
#include "train/options.h"

typedef struct {
    FeatureSpec *spec;                /* what the rows are */
    GPtrArray *classes;               /* char*, in label order */
    BatchSource training, validation; /* validation.count 0: none */
    char *identity;                   /* a hash of all that rows and labels depend on, for --resume */

    Cache *cache, *other; /* of the rows, where they come from caches; other: --validation, or NULL */
    CacheSamples cached[2];

    Dataset *dataset; /* and what follows: of the rows, where they come from images */
    DecodedImages *images;
    Pipeline *pipeline;
    ImageSamples *imaged[2];
} TrainingData;

/* The rows of CACHE, or an augmented copy of each in each epoch, validated on its split or on --validation.
 * NULL with a sentence where it cannot be read or is no good to train on. */
TrainingData *training_data_from_cache(const TrainOptions *options, GError **error);

/* The images below --images through the base to `layer` ("input": without a base, weights NULL); their
 * validation part is never augmented. */
TrainingData *training_data_from_images(const TrainOptions *options, const Weights *weights,
                                        const char *layer, int side, GError **error);
void training_data_free(TrainingData *data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrainingData, training_data_free)
