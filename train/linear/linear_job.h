/* linear_job: the state shared by the files that train a linear head; private to train/linear. */
#pragma once
#include "common/cache/cache.h"
#include "common/network/network.h"
#include "train/linear/linear_settings.h"
#include "train/linear/search.h"

/* Everything between opening the cache and writing the model. */
typedef struct {
    const TrainOptions *options;
    LinearSettings settings;
    Cache *cache;
    guint n, classes;
    gsize features;
    int *labels; /* (N) */
    const char **names;
    guint *counts; /* (L) images of each class */
    double *class_weights;
    Scaling *scaling;
    TrainingSet *set;
    GramFactor *gram_factor; /* one of these three, see linear_prepare */
    LinearRows *rows;
    Stream *stream;
    gsize nonzeros;          /* of the scaled rows and the bias; of the form of rows alone */
    ThreadPool *thread_pool; /* of the stream */
    LinearTraining training;
    double cost;
    Search *search; /* NULL without cross-validation */
    LinearFit *fits;
    Network *network; /* the model */
} Linear;

/* Puts the training set into the form that the solver takes, checks that memory suffices, and fills job->training:
 *
 *     Gram factor   penalties ||w||², fewer images than features: an equal problem of N features
 *     stream        dual SVMs otherwise, or many images and a single fit: the cache's rows in place
 *     rows          all else, and --no-reduce: liblinear's format, 16 bytes per non-zero
 *
 * FALSE and error if there is nothing to learn, too little memory, or the user interrupted. */
gboolean linear_prepare(Linear *linear, GError **error);

/* Whether the options ask for held-out decision values: a search, folds, or suspects. */
gboolean linear_cross_validates(const Linear *linear);
