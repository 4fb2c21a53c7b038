/* training_set: the training data of a linear head: rows of the cache, scaled when they are read.
 *
 * Features of P places can let what they have in common count for more than what differs: with M x each channel's mean
 * over the places, put at every place, a head on x' = x + (W - 1) M x finds weights cheaper the more the places agree.
 * As M M = M = Mᵀ, x'·y' = x·y + (W² - 1) x·M y: inner products of rows that have the C channels' averages, each
 * sqrt((W² - 1) / P) times its sum, as further features. Their weights, added at every place, give a head on x
 * (training_set_fold). */
#pragma once
#include "common/model/scaling.h"

typedef struct {
    Rows rows;        /* N of D floats, borrowed (from a cache) */
    Rows scaled;      /* N of D + C: scaled, without the bias; the averages follow the features */
    gsize features;   /* D + C */
    gsize channels;   /* C; 0 without averages */
    double share;     /* what a feature adds to its channel's average, sqrt((W² - 1) / P) */
    Scaling *scaling; /* fitted, of D features */
    float *factors;   /* (N) scaling_factor of each row */
    double bias;      /* liblinear's -B: a feature of this value is appended to each row; 0: none */
    gsize nonzeros;   /* of the scaled rows and their bias, at most */
} TrainingSet;

/* What a part of the rows is to a model: it tests those of its own fold, and trains on those of all others. */
typedef struct {
    /* (N) of each row, or ROW_UNUSED; borrowed. NULL: all rows are trained on, and tested */
    const guint *folds;
    guint own;
} Part;

enum { ROW_UNUSED = G_MAXINT };

static inline gboolean part_tests(Part part, guint row)
{
    return !part.folds || part.folds[row] == part.own;
}

static inline gboolean part_trains_on(Part part, guint row)
{
    return !part.folds || (part.folds[row] != part.own && part.folds[row] != ROW_UNUSED);
}

typedef struct {
    ScalingKind scale;
    Part part;       /* to whose rows the scaling is fitted */
    double bias;     /* < 0: none */
    guint places;    /* P, which divides D */
    double averages; /* W >= 1; no averages where it or P is 1 */
} TrainingSetForm;

/* Fits the scaling. */
TrainingSet *training_set_new(const Rows *rows, const TrainingSetForm *form);
void training_set_free(TrainingSet *set);

/* Of kernel (D + C, outputs), adds the averages' weights to those of the features. */
void training_set_fold(const TrainingSet *set, float *kernel, guint outputs);

/* max over classes and features of |sum over rows of y x|, y = +1 for the class's rows and -1 for the rest. */
double training_set_largest_correlation(const TrainingSet *set, const int *labels, guint classes);

/* As liblinear's programs read it: a line "LABEL INDEX:VALUE …" an image, scaled, indices from 1, zeros left out. FALSE
 * and error if it cannot be written or the user interrupted; nothing is left then. */
gboolean training_set_write(const TrainingSet *set, const int *labels, const char *path, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrainingSet, training_set_free)
