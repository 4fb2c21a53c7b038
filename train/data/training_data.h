/* training_data: the data that a network is trained and validated on, from caches or images. */
#pragma once
#include "common/model/trained_on.h"
#include "train/data/cache_source.h"
#include "train/data/image_source.h"
#include "train/options.h"

typedef struct {
    const SourceChoice *choice; /* borrowed, as is model: with rows from images */
    const NetworkChoice *model;
    FeatureSpec *spec;                /* of the rows */
    GPtrArray *classes;               /* char*, in label order */
    SplitPart parts[2];               /* images to train and to validate on; with images, once loaded */
    BatchSource training, validation; /* of these */
    TrainedOn *trained_on;            /* the training images; NULL if there are too many */
    GChecksum *identity;              /* of all that rows and labels depend on, for --resume */

    Cache *cache, *other; /* with rows from caches; other: --validation, or NULL */
    CacheSource cached[2];

    Dataset *dataset; /* this and the rest: with rows from images */
    DecodedImages *images;
    Pipeline *pipeline;
    ImageSource *imaged[2];
} TrainingData;

/* Both determine the rows, classes and spec (without its weights), but read no row.
 *
 * The rows of CACHE, or in each epoch an augmented copy of each, validated on a split of them or on --validation.
 * NULL and error if the cache cannot be read or trained on. */
TrainingData *training_data_from_cache(const SourceChoice *choice, guint64 seed, GError **error);

/* The images below --images through the base, as the approach has it; validation images are never augmented. Without
 * --images, for a summary: classes and spec alone. */
TrainingData *training_data_from_images(const SourceChoice *choice, const NetworkChoice *model,
                                        GError **error);

/* Memory of training_data_load, including weights, decoded images and the pages of a cache, and of batches of this size,
 * which are taken elsewhere. scaled: their rows are, as they are fetched. */
MemoryNeed training_data_memory(const TrainingData *data, gboolean scaled, int batch, guint threads);

/* Makes the rows available. beside: a file in the folder to spill images to. weights: of the base, or NULL without one.
 * FALSE and error on failure. */
gboolean training_data_load(TrainingData *data, const CliCommon *common, const char *beside,
                            const Weights *weights, GError **error);

/* A sentence on the work saved in later epochs by keeping results; NULL if there was none. Not to be called during a
 * fetch. Caller frees. */
char *training_data_saved(const TrainingData *data);

void training_data_free(TrainingData *data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrainingData, training_data_free)
