/* descent: dual coordinate descent for many one-versus-rest problems on the same rows.
 *
 * Support vector machines: Hsieh, Chang, Lin, Keerthi & Sundararajan, "A dual coordinate descent method for large-scale
 * linear SVM", ICML 2008, algorithm 3 with shrinking. Logistic regression: Yu, Huang & Lin, "Dual coordinate descent
 * methods for logistic regression and maximum entropy models", Machine Learning 85 (2011), algorithm 5. Stopping rules
 * are those of liblinear's dual solvers. The order of the rows is drawn once a pass for all problems, so the steps are
 * not liblinear's, but the optimum is: decision values agree as far as the tolerance. Where rows exceed memory they are
 * visited block by block (Yu, Hsieh, Chang & Lin 2010), each block several times before the next is read.
 *
 * The result is the same to the bit for any number of threads. */
#pragma once
#include "train/linear/linear_training.h"

typedef struct Descent Descent;

/* All from the arena; NULL while it measures, when the training's rows may be an outline. training, problems and their
 * parts are borrowed; in the problems each run says how it went. */
Descent *descent_new(Arena *arena, const LinearTraining *training, LinearProblem *problems, guint n_problems);

/* Runs all problems at this cost to the tolerance, or 1000 passes; those without rows on both sides keep the weights 0.
 * Starts where the last run ended, whose cost must not have been higher. progress is ticked once a problem. FALSE with
 * error if the user interrupted. */
gboolean descent_run(Descent *descent, double cost, Progress *progress, GError **error);

/* values (N, n_problems): decision values. */
void descent_values(Descent *descent, float *values);

/* The first K problems' solutions: w (K, descent_rows_weights). */
void descent_weights(const Descent *descent, guint outputs, double *w);
