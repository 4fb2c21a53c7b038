/* images: image files through the preprocessing and the base that a model was trained with, which the model
 * remembers: there is no option here that could differ from the training. */
#pragma once
#include "common/model/model.h"
#include "common/vgg16/weights.h"

/* The base's weights for these models: from spec (a file, "random:SEED"), or, spec NULL, from the seed where
 * the models were trained on a seeded base. *weights is NULL where no model has a base. FALSE and one
 * sentence where weights are needed and not given, or are not those a model was trained with (by hash). */
gboolean images_weights(const char *from, const char *const *paths, const Model *const *models, guint n,
                        Weights **weights, GError **error);

/* Called in order of the files, from one thread. features (D) is borrowed for the call and NULL where the
 * file could not be used, whose reason is then given. FALSE with error ends the run. */
typedef gboolean (*ImagesConsume)(guint index, const float *features, const char *reason, gpointer user,
                                  GError **error);

typedef struct {
    const char *label;       /* of the progress bar */
    const FeatureSpec *spec; /* what becomes of an image */
    const Weights *weights;  /* NULL where the recipe has no base */
    guint threads;
} ImagesOptions;

/* Memory does not depend on the number of files. Where the user interrupts, FALSE with a sentence. */
gboolean images_run(const ImagesOptions *options, const char *const *files, guint n, ImagesConsume consume,
                    gpointer user, GError **error);
