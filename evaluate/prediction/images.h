/* images: runs image files through the preprocessing and the base that a model was trained with. The model records
 * these, so that no option here can differ from training. */
#pragma once
#include "common/vgg16/feature_spec.h"

/* Image files from a command line: each argument, or all images in it if it is a folder; "-" stands for the list on
 * standard input, one path per line, read to its end. An array of char* that frees them; NULL and error if a folder
 * cannot be read. A missing file is reported later, when it is read. */
GPtrArray *images_list(const char *const *inputs, GError **error);

/* The lines of standard input as they come: waits for one, and replaces files (char*, which it frees) by it and those that
 * have come with it, at most max; blank lines are left out. FALSE at the end, when interrupted, and with error where a line
 * is too long for a path. pending: what was read of the next lines; empty at first. */
gboolean images_lines(GString *pending, guint max, GPtrArray *files, GError **error);

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
    const char *label;       /* of the progress bar; NULL: none */
    const FeatureSpec *spec; /* of the features */
    const Weights *weights;  /* NULL if the specification has no base */
    guint threads;
} ImagesOptions;

/* Runs files through preprocessing and base. Memory does not depend on their number. FALSE and error also if the user
 * interrupts. */
typedef struct ImagesRunner ImagesRunner;
ImagesRunner *images_runner_new(const ImagesOptions *options, GError **error); /* options are borrowed */
gboolean images_runner_run(ImagesRunner *runner, const char *const *files, guint n, ImagesConsume consume,
                           gpointer user, GError **error); /* as often as there are files */
void images_runner_free(ImagesRunner *runner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImagesRunner, images_runner_free)

/* The three in one. */
gboolean images_run(const ImagesOptions *options, const char *const *files, guint n, ImagesConsume consume,
                    gpointer user, GError **error);
