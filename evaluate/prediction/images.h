/* images: runs image files through the preprocessing and the base that a model was trained with. The model records
 * these, so that no option here can differ from training. */
#pragma once
#include "common/vgg16/feature_spec.h"

/* Image files from a command line: each argument, or all images in it if it is a folder; "-" stands for the list on
 * standard input, one path per line. An array of char* that frees them; NULL and error if a folder cannot be read. A
 * missing file is reported later, when it is read. */
GPtrArray *images_list(const char *const *inputs, GError **error);

/* A model or cache whose feature specification images must go through. */
typedef struct {
    const char *path; /* of a model or a cache */
    const char *made; /* "trained" or "made", for sentences */
    const FeatureSpec *spec;
} ImagesOwner;

/* The base's weights for n owners, from a file or "random:SEED"; with from NULL, from the recorded seed if the
 * owners' weights are seeded. *weights is NULL if none has a base. FALSE and error if weights are needed but not
 * given, differ from an owner's (by hash), or a model was trained on imported features. */
gboolean images_weights(const char *from, const ImagesOwner *owners, guint n, Weights **weights,
                        GError **error);

/* Called in order of the files, from one thread. features (D) and hash (SHA256_SIZE, of the file's content) are
 * borrowed during the call; if the file could not be used, features is NULL and reason is given. Returning FALSE with
 * error ends the run. */
typedef gboolean (*ImagesConsume)(guint index, const float *features, const guint8 *hash, const char *reason,
                                  gpointer user, GError **error);

typedef struct {
    const char *label;       /* of the progress bar */
    const FeatureSpec *spec; /* of the features */
    const Weights *weights;  /* NULL if the specification has no base */
    guint threads;
} ImagesOptions;

/* Memory does not depend on the number of files. FALSE and error also if the user interrupts. */
gboolean images_run(const ImagesOptions *options, const char *const *files, guint n, ImagesConsume consume,
                    gpointer user, GError **error);
