/* linear_fit: a linear head's problems on all rows or on parts of them, by descent.h or liblinear.h.
 *
 * One versus rest makes a problem of each class; two classes make one (class 0 versus class 1); Crammer & Singer's solver
 * makes one for any L. */
#pragma once
#include "train/linear/linear_training.h"

guint linear_problems(const LinearTraining *training);
/* Vectors of weights in all: L, or 1 for two classes (w of class 0; class 1 has -w). */
guint linear_vectors(const LinearTraining *training);

/* Mean over all rows of ||x||², the bias among the features. */
double linear_mean_square(const LinearTraining *training);

/* The class predicted by decision values (vectors): the highest, ties to the first; with a single value, class 0 if it is
 * above 0. */
int linear_class(const LinearTraining *training, const float *values);

typedef struct Descent Descent;
typedef struct Liblinear Liblinear;

typedef struct {
    const LinearTraining *training;
    const guint8 *parts;
    guint n_parts, n; /* parts, problems: those of each part one after another */
    LinearFit *fits;  /* (n) of the last run */
    Descent *descent; /* one of the two */
    Liblinear *liblinear;
} LinearFits;

/* parts: (n_parts, N) not 0 where a row is trained on, borrowed until linear_fits_free; NULL for one part with all rows.
 * NULL and error without memory. */
LinearFits *linear_fits_new(const LinearTraining *training, const guint8 *parts, guint n_parts,
                            GError **error);
void linear_fits_free(LinearFits *fits);

/* Fits all problems at this cost, from where the last run ended if the solver supports that; costs must ascend. progress
 * is ticked once a problem. FALSE and error if a worker process fails or the user interrupted. */
gboolean linear_fits_run(LinearFits *fits, double cost, Progress *progress, GError **error);

/* values (N, n_parts, vectors): decision values of the rows outside of each part, or of all without parts; the rest stays
 * as it is. Infinite where the part lacks a class, which is never predicted then. */
void linear_fits_values(const LinearFits *fits, float *values);

/* The first part's weights for scaled features: kernel (D, vectors), with room for the averages' (D + C, vectors), and
 * what is added to the decision values: offset (vectors). Incomplete if interrupted(). */
void linear_fits_weights(const LinearFits *fits, float *kernel, float *offset);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearFits, linear_fits_free)
