/* linear_fit: a linear head's problems on all rows or on parts of them, by descent.h or liblinear.h.
 *
 * One versus rest makes a problem of each class; two classes make one (class 0 versus class 1), whose weights and decision
 * values are negated for class 1; Crammer & Singer's solver makes one for any L. */
#pragma once
#include "train/linear/linear_training.h"

guint linear_problems(const LinearTraining *training);

typedef struct Descent Descent;
typedef struct Liblinear Liblinear;

typedef struct {
    const LinearTraining *training;
    guint n_parts, n;        /* parts, problems */
    LinearProblem *problems; /* (n) those of each part one after another */
    float *values;           /* (N, n_parts, L) room for those of linear_fits_test */
    Descent *descent;        /* one of the two */
    Liblinear *liblinear;
    Arena arena; /* of all of these */
} LinearFits;

/* What linear_fits_new takes from its arena, and beside it in each process of liblinear's (0: there are none). The
 * training's rows may be an outline. */
gsize linear_fits_measure(const LinearTraining *training, guint n_parts, Arena *arena);

/* parts: (n_parts), whose folds must last until linear_fits_free; NULL: one that has all rows. NULL and error without memory. */
LinearFits *linear_fits_new(const LinearTraining *training, const Part *parts, guint n_parts, GError **error);
void linear_fits_free(LinearFits *fits);

/* Fits all problems at this cost, from where the last run ended if the solver supports that; costs must ascend. progress
 * is ticked once a problem. FALSE and error if a worker process fails or the user interrupted. */
gboolean linear_fits_run(LinearFits *fits, double cost, Progress *progress, GError **error);

/* values (N, n_parts, L): decision values of the rows that each part tests; the rest is undefined. -INFINITY where the part
 * lacks a class, which is never predicted then. */
void linear_fits_values(const LinearFits *fits, float *values);

/* accuracy (n_parts): the share of its tested rows that each part predicts right. held (N, L), or NULL: decision values of
 * the rows that a part tests. */
void linear_fits_test(const LinearFits *fits, float *held, double *accuracy);

/* The first part's weights for scaled features: kernel (D, L), with room for the averages' (D + C, L), and what is added
 * to the decision values: offset (L). Incomplete if interrupted(). */
void linear_fits_weights(const LinearFits *fits, float *kernel, float *offset);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinearFits, linear_fits_free)
