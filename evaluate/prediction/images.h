/* images: image files through the preprocessing and the base that a model was trained with, which the model records: no
 * option here can differ from training. */
#pragma once
#include "common/vgg16/feature_spec.h"

/* Image files from a command line: each argument, all images in it where it is a folder, and for "-" the list on
 * standard input, one path a line. An array of char* that frees them; NULL and error where a folder cannot be read. A
 * missing file is reported when its turn comes. */
GPtrArray *images_list(const char *const *inputs, GError **error);

/* A model or cache whose feature specification images must go through. */
typedef struct {
    const char *path; /* of a model or a cache */
    const char *made; /* "trained" or "made", for sentences */
    const FeatureSpec *spec;
} ImagesOwner;

/* The base's weights for n of them: from a file or "random:SEED", or, from NULL, from the seed where theirs are seeded.
 * *weights is NULL where none has a base. FALSE and one sentence where weights are needed and not given, or are not
 * those of an owner (by hash), or where a model was trained on imported features. */
gboolean images_weights(const char *from, const ImagesOwner *owners, guint n, Weights **weights,
                        GError **error);

/* Called in order of the files, from one thread. features (D) and hash (SHA256_SIZE, of the file's content) are borrowed
 * for the call; features are NULL where the file could not be used, whose reason is then given. FALSE with error ends
 * the run. */
typedef gboolean (*ImagesConsume)(guint index, const float *features, const guint8 *hash, const char *reason,
                                  gpointer user, GError **error);

typedef struct {
    const char *label;       /* of the progress bar */
    const FeatureSpec *spec; /* what becomes of an image */
    const Weights *weights;  /* NULL if the specification has no base */
    guint threads;
} ImagesOptions;

/* Memory does not depend on the number of files. Where the user interrupts, FALSE with a sentence. */
gboolean images_run(const ImagesOptions *options, const char *const *files, guint n, ImagesConsume consume,
                    gpointer user, GError **error);
