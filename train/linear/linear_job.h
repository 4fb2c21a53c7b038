/* linear_job: the state shared by the files that train a linear head; private to train/linear. */
#pragma once
#include "common/cache/cache.h"
#include "common/network/network.h"
#include "train/linear/linear_settings.h"
#include "train/linear/search.h"

/* The training set, scaled one way, as its solver takes it. */
typedef struct {
    Scaling *scaling;
    TrainingSet *set;
    GramFactor *factor; /* these or NULL: see linear_form.h */
    DescentRows *descent_rows;
    LinearRows *rows;
    ThreadPool *thread_pool; /* NULL where worker processes solve the problems */
    LinearTraining training;
} LinearForm;

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
    gsize nonzeros; /* of the scaled rows and the bias; for liblinear's rows alone */
    LinearForm form;
    double cost;
    Search *search;   /* NULL without cross-validation */
    Network *network; /* the model */
} Linear;
