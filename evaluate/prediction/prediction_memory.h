/* prediction_memory: what models need of memory to say something about images. */
#pragma once
#include "common/cache/cache.h"
#include "common/model/model.h"

typedef struct {
    const GPtrArray *models; /* const Model*, loaded */
    guint images;            /* how many */
    guint block;             /* vectors given to a model at a time */
    guint threads;
    const Cache *cache; /* where their features lie; NULL: they go through the models' bases */
} PredictionWork;

/* Tells it before anything of it is taken; FALSE with a sentence where it is not there. */
gboolean prediction_memory_check(const PredictionWork *work, GError **error);
