/* coordinate: dual coordinate descent for support vector machines on the dense rows of a reduction.
 *
 * Hsieh, Chang, Lin, Keerthi & Sundararajan, "A dual coordinate descent method for large-scale linear SVM",
 * ICML 2008, algorithm 3 (with shrinking): liblinear's solvers 1 and 3. The steps are those liblinear takes,
 * in its order and drawn from rand() as it draws; but where it walks 16-byte feature nodes one by one, here a
 * row is a vector for BLAS: the same w to rounding, several times sooner. Like liblinear's, the code wants a
 * process of its own. */
#pragma once
#include "train/linear/gram_factor.h"
#include "train/linear/liblinear.h"

gboolean coordinate_serves(const LinearSolver *solver);

/* positive: (n) of the rows in index; costs of an error on either side; both sides must occur. alpha: (n)
 * dual variables, in the order of index: where start is TRUE descent begins from them (cut to what the costs
 * allow), else from zero. w: (N), and alpha: the result. */
LinearFit coordinate_fit(const GramFactor *gram_factor, const LinearProblem *problem,
                         const gboolean *positive, double positive_cost, double negative_cost, gboolean start,
                         double *alpha, double *w);
