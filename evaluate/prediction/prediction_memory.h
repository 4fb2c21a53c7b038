/* prediction_memory: the memory that models need to predict images. */
#pragma once
#include "common/cache/cache.h"
#include "common/model/model.h"

typedef struct {
    const Model *const *models; /* (n_models), loaded */
    guint n_models;
    guint images; /* how many */
    guint block;  /* vectors given to a model at a time */
    guint threads;
    const Cache *cache; /* where their features lie; NULL: they go through the models' bases */
} PredictionWork;

/* Reports it before any is taken; FALSE and error if there is not enough. */
gboolean prediction_memory_check(const PredictionWork *work, GError **error);
