/* judge: gives the vectors of images to models, a block at a time, from a cache (no image is opened) or through the base. */
#pragma once
#include "common/pipeline/pipeline.h"
#include "evaluate/metrics/evaluation.h"

enum { JUDGE_BLOCK = 64 };

typedef struct Judge Judge;
struct Judge {
    PipelineImages
        images; /* first; its specification is that of the vectors, which models of others do not take */
    Comparison *comparison;
    const char *label; /* of the progress; NULL for judge_list: none is shown */
    guint block;       /* vectors given to a model at a time, at most JUDGE_BLOCK */
    gboolean compares; /* similarities to the images trained on are asked for, of models that know them */
    gboolean once;     /* a cache's vectors are not read again: their pages are given back */
    gpointer user;

    /* Takes what a model says of the images rows[0 … n-1]; similarities, where it compares none, are 0. FALSE with error
     * ends the run. */
    gboolean (*take)(Judge *judge, Evaluation *evaluation, guint n, const Judgement *said, GError **error);
    /* Hears why an image could not be used. */
    gboolean (*skip)(Judge *judge, guint image, const char *reason, GError **error);

    guint n;                     /* images to judge; of a list that goes on, at a time */
    Cache *cache;                /* theirs; NULL: they go through the base */
    float *vectors;              /* (block, D) */
    const float *x[JUDGE_BLOCK]; /* the vectors in the block, there or in a cache, */
    guint rows[JUDGE_BLOCK];     /* and their images */
    guint filled;
};

/* Loads the base's weights for the comparison's models, images_weights's, unless they are there. */
gboolean judge_weights(Comparison *comparison, GError **error);

/* For so many images at a time, of a cache (NULL: through the models' bases): checks that there is enough memory, and loads
 * the weights. FALSE and error if one of these fails. */
gboolean judge_prepare(Judge *judge, guint images, Cache *cache, GError **error);

/* After that, gives all images to all models: from their cache, or through the base, once for each feature specification.
 * FALSE and error also where one cannot be read from the cache, the user interrupts, or take or skip fail. */
gboolean judge_run(Judge *judge, const TestImages *images, GError **error);

/* The images of a list to the models of this specification, by images_run. */
gboolean judge_list(Judge *judge, const FeatureSpec *spec, Pipeline *pipeline, const Dataset *list,
                    GError **error);

/* Gives the models what is in the block before it is full: for skip, to keep the order. */
gboolean judge_flush(Judge *judge, GError **error);
