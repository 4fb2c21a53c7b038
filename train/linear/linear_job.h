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
    gsize features;
    const char **names;
    guint *counts;           /* (L) images of each class */
    LinearTraining training; /* its rows: see linear_form.h */
    gsize nonzeros;          /* of the scaled rows and the bias; for liblinear's rows alone */
    double cost;
    Search *search;   /* NULL without cross-validation */
    Network *network; /* the model */
} Linear;
