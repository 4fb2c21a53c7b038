/* gram_factor: the Cholesky factor of the Gram matrix turns N vectors of D > N features into N vectors of
 * N features with the same inner products.
 *
 * With G = X Xᵀ + B² 11ᵀ (X: N scaled rows, B: the bias feature) and its Cholesky factor G = L Lᵀ, the
 * rows of L are the rows of [X B] in another orthonormal basis. A linear classifier with penalty ||w||²
 * depends on inner products alone: trained on the rows of L it takes the same steps, and w = [X B]ᵀ L⁻ᵀ
 * w_L has the same decision values (the representer theorem: Schölkopf, Herbrich & Smola 2001). Penalties
 * that depend on the basis (L1) are not supported.
 *
 * G and L are in double precision. A pivot below 1e-12 of the largest diagonal entry (a duplicate image, a
 * linear combination of others) is raised to that: a change of G within its rounding error that keeps L
 * nonsingular. */
#pragma once
#include "common/core/floats.h"
#include "common/core/thread_pool.h"
#include "train/linear/training_set.h"

typedef struct {
    const TrainingSet *set; /* borrowed */
    guint n;                /* N */
    double *matrix;         /* (N, N), row by row: G, then L; what is above the diagonal is undefined */
    double *scratch;
    guint panel; /* first row and column of those that are being factored */
} GramFactor;

/* Of n rows of the set; not filled. */
GramFactor gram_factor_new(Arena *arena, const TrainingSet *set, guint n);

/* FALSE if all features are zero: there is nothing to learn. Incomplete if interrupted(). The result is the same to the
 * bit for any number of threads. */
gboolean gram_factor_fill(GramFactor *factor, ThreadPool *thread_pool);

/* Transforms solutions back to the original features; incomplete if interrupted(). w: (K, N), a vector on
 * L's columns for each of K outputs, replaced by L⁻ᵀ w. kernel: (D, K), bias: (K) added to a decision
 * value: the bias feature's weight times B; zero without one. */
void gram_factor_weights(const GramFactor *factor, ThreadPool *thread_pool, double *w, guint outputs,
                         float *kernel, float *bias);
