/* judge: gives the vectors of images to models, a block at a time, from a cache (no image is opened) or through the base. */
#pragma once
#include "common/pipeline/pipeline.h"
#include "evaluate/metrics/evaluation.h"

enum { JUDGE_BLOCK = 64 };

typedef struct Judge Judge;
struct Judge {
    PipelineImages images; /* first: filled in while vectors are computed */
    Comparison *comparison;
    Evaluation **evaluations; /* (models) who get the vectors; those of the comparison, or some of them */
    guint models;
    guint block;       /* vectors given to a model at a time, at most JUDGE_BLOCK */
    gboolean compares; /* similarities to the images trained on are asked for, of models that know them */
    Cache *released;   /* the pages of vectors taken from it are given back; NULL: it is read again */
    gpointer user;

    /* Takes what a model says of the images rows[0 … n-1]; similarities, where it compares none, are 0. FALSE with error
     * ends the run. */
    gboolean (*take)(Judge *judge, Evaluation *evaluation, guint n, const Judgement *said, GError **error);
    /* Hears why an image could not be used. */
    gboolean (*skip)(Judge *judge, guint image, const char *reason, GError **error);

    float *vectors;              /* (block, D) */
    const float *x[JUDGE_BLOCK]; /* the vectors in the block, there or in a cache, */
    guint rows[JUDGE_BLOCK];     /* and their images */
    guint filled;
    gsize features; /* D */
};

/* Reports the memory that so many images need, in a cache (NULL: through the models' bases), before any is taken; FALSE
 * and error if there is not enough. */
gboolean judge_memory(const Judge *judge, guint images, const Cache *cache, GError **error);

/* Loads the base's weights for the comparison's models, images_weights's, unless they are there. */
gboolean judge_weights(Comparison *comparison, GError **error);

/* Through these weights to vectors of this specification. NULL and error as pipeline_new. */
Pipeline *judge_pipeline(const Comparison *comparison, const FeatureSpec *spec, GError **error);

/* All images of a cache, of a list, by images_run. FALSE and error where one cannot be read from the cache, the user
 * interrupts, or take or skip fail. */
gboolean judge_cache(Judge *judge, Cache *cache, const char *label, GError **error);
gboolean judge_list(Judge *judge, const FeatureSpec *spec, Pipeline *pipeline, const Dataset *list,
                    const char *label, GError **error);

/* Gives the models what is in the block before it is full: for skip, to keep the order. */
gboolean judge_flush(Judge *judge, GError **error);
