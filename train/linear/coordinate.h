/* coordinate: dual coordinate descent for support vector machines on the dense rows of a Gram factor.
 *
 * Hsieh, Chang, Lin, Keerthi & Sundararajan, "A dual coordinate descent method for large-scale linear SVM", ICML
 * 2008, algorithm 3 (with shrinking): liblinear's solvers 1 and 3. It takes the same steps as liblinear, in the same
 * order and with the same draws from rand(), but with rows as vectors for BLAS instead of lists of 16-byte feature
 * nodes: the same w up to rounding, several times faster. Like liblinear, it needs a separate process. */
#pragma once
#include "train/linear/gram_factor.h"
#include "train/linear/liblinear.h"

gboolean coordinate_serves(const LinearSolver *solver);

/* positive: (n) of the rows in index; costs of an error on either side; both sides must be present. alpha:
 * (n) dual variables, in the order of index: if start is TRUE descent begins from them (clipped to what
 * the costs allow), else from zero. The result is w (N) and alpha. */
LinearFit coordinate_fit(const GramFactor *gram_factor, const LinearProblem *problem,
                         const gboolean *positive, double positive_cost, double negative_cost, gboolean start,
                         double *alpha, double *w);
