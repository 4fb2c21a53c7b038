/* images: runs image files through the preprocessing and the base that a model was trained with. The model records
 * these, so that no option here can differ from training. */
#pragma once
#include "common/pipeline/pipeline.h"

/* Image files from a command line: each argument, or all images in it if it is a folder; "-" stands for the list on
 * standard input, one path per line, read to its end. Their keys are their paths. NULL and error if a folder cannot be
 * read. A missing file is reported later, when it is read. */
Dataset *images_list(const char *const *inputs, GError **error);

/* The lines of standard input as they come: waits for one, and adds it and those that have come with it to the list, at
 * most max; blank lines are left out. FALSE at the end, when interrupted, and with error where a line is too long for a
 * path. pending: what was read of the next lines; empty at first. */
gboolean images_lines(GString *pending, guint max, Dataset *list, GError **error);

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

/* Preprocessing and base of a feature specification, which may have none; for as many threads. NULL and error if there is not
 * enough memory. */
Pipeline *images_pipeline(const FeatureSpec *spec, const Weights *weights, const ThreadPool *thread_pool,
                          GError **error);

/* FALSE with a sentence if the user interrupted. */
gboolean images_complete(GError **error);

/* Runs all images of a list through it, with a progress bar if there is a label for it. user begins with a
 * PipelineImages, whose contents are set meanwhile; the notes are SHA-256 of the contents. Memory does not depend on
 * their number. FALSE and error also if the user interrupts. */
gboolean images_run(Pipeline *pipeline, const char *label, const Dataset *list, PipelineConsume consume,
                    gpointer user, GError **error);
