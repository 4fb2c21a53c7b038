/* search: cross-validation of a linear head over a path of costs.
 *
 * The folds are stratified like scikit-learn's StratifiedKFold(shuffle=True): the images of each class are shuffled
 * with the seed and dealt to the folds in turn; of a group, only the first image is dealt, and the others follow it.
 * Folds may share a training set, or each have its own, whose scaling has not seen the fold. The problems of folds that
 * share one are solved together, from the smallest cost to the largest. */
#pragma once
#include "train/linear/linear_training.h"

typedef struct {
    double cost;
    double accuracy, deviation; /* mean and standard deviation over the folds */
    double iterations;          /* mean over folds and problems */
    guint not_converged;        /* fits that the iteration limit stopped */
} SearchPoint;

typedef struct {
    guint n, folds;
    SearchPoint *points; /* (n) by ascending cost */
    guint best;          /* highest accuracy; ties go to the smallest cost, which is the simplest model */
    double temperature;  /* that turns decision values at the best cost into probabilities (calibration.h),
                            fitted to each image's from the fit to the other folds; 0 for logistic solvers,
                            whose values are none to calibrate, and where no image had all classes */
    /* (N, L) held-out decision values at the best cost; not finite if the other folds lack a class */
    float *values;
    guint *fold_of;  /* (N) */
    float *held_out; /* (n, N, L) those at each cost; NULL once finished */
} Search;

/* out: (n) the fold of each image, 0 … folds-1. */
void search_folds(const int *labels, guint n, guint classes, guint folds, guint64 seed, guint *out);

/* Bytes of decision values. n: 0 for search_costs's. */
gsize search_memory(guint images, guint classes, guint n, guint folds);

/* Deals the folds. costs: (n) ascending. folds: 2 … N. NULL and error if there are fewer groups than folds. */
Search *search_new(const LinearTraining *training, const double *costs, guint n, guint folds, guint64 seed,
                   GError **error);
void search_free(Search *search);

/* (count, N) not 0 for the images outside of each fold from the first on, which are trained on. Caller frees. */
guint8 *search_parts(const Search *search, guint images, guint first, guint count);

/* Fits these folds at all costs. A class without images in the training part of a fold is never predicted there. FALSE
 * and error if worker processes fail or the user interrupted. */
gboolean search_fit(Search *search, const LinearTraining *training, guint first, guint count,
                    Progress *progress, GError **error);

/* Once all folds are fitted: fills in all but the folds. */
void search_finish(Search *search, const LinearTraining *training);

/* Of held-out values (N, L), the rows that are finite, to z (n, L) with their labels (n) and units (n), the first of these of
 * each one's group; room for N. Returns n. */
guint search_finite(const float *values, const LinearTraining *training, float *z, int *labels, guint *units);

guint64 search_ticks(const LinearTraining *training, guint folds, guint n_costs);

/* Ten round costs, two per decade, from about a thirtieth of reference to a thousand times it. Caller
 * frees. */
double *search_costs(double reference, guint *n);

char *search_table(const Search *search);  /* for people */
char *search_choice(const Search *search); /* a sentence or two: which cost, why, and what to do about it */
char *search_csv(const Search *search);    /* cost,accuracy,deviation,iterations */
gboolean search_plot(const Search *search, const char *title, const char *path, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Search, search_free)
