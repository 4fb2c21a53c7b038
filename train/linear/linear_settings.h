/* linear_settings: the options of --head linear, checked before any work. */
#pragma once
#include "common/model/scaling.h"
#include "train/linear/solver.h"
#include "train/options.h"

enum {
    LINEAR_COSTS = 64,
    LEARNING_DRAWS = 8, /* of a learning curve (learning_curve.h) */
};

typedef struct {
    const Solver *solver;
    double tolerance;
    double costs[LINEAR_COSTS]; /* (n_costs) ascending, of --costs or --cost; none: found from the data */
    guint n_costs, tried;       /* tried: in a cross-validation */
    gboolean searches;          /* for the cost */
    gboolean searches_scale;    /* and for the scaling */
    gboolean cross_validates;   /* for that, for --folds or --suspects */
    guint folds;
} LinearSettings;

/* NULL if all is well, else a sentence on what is wrong. Caller frees. */
char *linear_settings_parse(const TrainOptions *options, LinearSettings *settings);
