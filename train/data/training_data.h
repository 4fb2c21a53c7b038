/* training_data: what a network is trained and validated on, whatever its source. */
#pragma once
#include "common/model/trained_on.h"
#include "train/data/cache_source.h"
#include "train/data/image_source.h"
#include "train/data/scaled_source.h"
#include "train/options.h"

typedef struct {
    FeatureSpec *spec;                /* what the rows are */
    GPtrArray *classes;               /* char*, in label order */
    BatchSource training, validation; /* validation.count 0: none */
    TrainedOn *trained_on;            /* the images of training; NULL where they are too many */
    char *identity;                   /* a hash of everything that rows and labels depend on, for --resume */

    Cache *cache, *other; /* where the rows come from caches; other: --validation, or NULL */
    CacheSource cached[2];
    ScaledSource scaled[2]; /* where --scale stands between them and the network */

    Dataset *dataset; /* this and what follows: where the rows come from images */
    DecodedImages *images;
    Pipeline *pipeline;
    ImageSource *imaged[2];
} TrainingData;

/* Determines which rows there are and what they are, before any is read: classes and spec (without its weights) are
 * known afterwards.
 *
 * The rows of CACHE, or in each epoch an augmented copy of each, validated on its split or on
 * --validation. NULL with a sentence if it cannot be read or cannot be trained on. */
TrainingData *training_data_from_cache(const TrainOptions *options, GError **error);

/* The images below --images through the base to `layer` ("input": without a base);
 * validation images are never augmented. */
TrainingData *training_data_from_images(const TrainOptions *options, const char *layer, int side,
                                        GError **error);

/* What training_data_load will take for batches of this size, and what it holds that its rows come from: weights,
 * decoded images, the pages of a cache. */
MemoryNeed training_data_memory(const TrainingData *data, const TrainOptions *options, int batch,
                                guint threads);

/* The rows, to train on. weights: of the base, or NULL where there is none. FALSE with a sentence. */
gboolean training_data_load(TrainingData *data, const TrainOptions *options, const Weights *weights,
                            GError **error);

/* A sentence on the work saved in later epochs because its result was kept; NULL if there was none. Not while
 * a fetch runs. Caller frees. */
char *training_data_saved(const TrainingData *data);

void training_data_free(TrainingData *data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrainingData, training_data_free)
