/* search: cross-validation of a linear head over a path of costs.
 *
 * The folds are stratified like scikit-learn's StratifiedKFold(shuffle=True): the images of each class are shuffled
 * with the seed and dealt to the folds in turn; of a group, only the first image is dealt, and the others follow it.
 * Folds may share a training set, or each have its own, whose scaling has not seen the fold. The problems of folds that
 * share one are solved together, from the smallest cost to the largest. */
#pragma once
#include "common/core/rng.h"
#include "train/linear/linear_training.h"

typedef struct {
    double cost;
    double accuracy, deviation; /* mean and standard deviation over the folds */
    double iterations;          /* mean over folds and problems */
    guint not_converged;        /* fits that the iteration limit stopped */
} SearchPoint;

typedef struct {
    const LinearTraining *training; /* borrowed */
    ScalingKind scale;              /* that its folds were fitted in */
    guint n, folds;
    double reference;    /* the cost without a search */
    SearchPoint *points; /* (n) by ascending cost */
    guint best;          /* highest accuracy; ties go to the smallest cost, which is the simplest model */
    double temperature;  /* that turns decision values at the best cost into probabilities (calibration.h),
                            fitted to each image's from the fit to the other folds; 0 for logistic solvers,
                            whose values are none to calibrate, and where no image had all classes */
    guint *fold;         /* (N) of each image */
    float *held_out;  /* (n, N, L) held-out decision values at each cost; gone once the search is finished */
    double *accuracy; /* (n, folds) */
    Arena arena;      /* of all other arrays */
    Arena decisions;  /* of held_out */

    guint n_held;  /* images whose fold's model knows all classes */
    guint *images; /* (n_held) */
    float *values; /* (n_held, L) held-out decision values at the best cost */
    int *labels;   /* (n_held) */
    guint *units;  /* (n_held) the first row of each one's group; NULL: each is of its own */
} Search;

enum { SEARCH_COSTS = 10 }; /* of search_costs */

/* fold (N): of each image. Returns how many groups there are. */
guint search_folds(const LinearTraining *training, guint folds, guint64 seed, guint *fold);

/* Groups whose first image is of this class, by that image, in random order, to items; returns how many. */
guint search_shuffle(const LinearTraining *training, guint class, Rng rng, guint32 *items);

/* What a search over n costs takes from its arenas. */
Search search_outline(Arena *arena, Arena *decisions, const LinearTraining *training, guint n, guint folds);

/* Deals the folds. costs: (n) ascending. folds: 2 … N. NULL and error if memory is short, or there are fewer groups than
 * folds. */
Search *search_new(const LinearTraining *training, const double *costs, guint n, guint folds, guint64 seed,
                   GError **error);
void search_free(Search *search);

static inline const SearchPoint *search_best(const Search *search)
{
    return &search->points[search->best];
}

/* Fits these folds at all costs. A class without images in the training part of a fold is never predicted there. FALSE and
 * error if worker processes fail or the user interrupted. */
gboolean search_fit(Search *search, guint first, guint count, Progress *progress, GError **error);

/* Once all folds are fitted: fills in all but the folds. */
void search_finish(Search *search);

/* The point whose cost is nearest to the reference. */
const SearchPoint *search_unsearched(const Search *search);

/* Round costs, two per decade, from about a thirtieth of reference to a thousand times it. */
void search_costs(double reference, double costs[SEARCH_COSTS]);

/* A table, and a sentence or two: which cost, why, and what to do about it. */
char *search_text(const Search *search);
char *search_csv(const Search *search); /* cost,accuracy,deviation,iterations */
gboolean search_plot(const Search *search, const char *title, const char *path, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Search, search_free)
