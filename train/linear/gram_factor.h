/* reduction: N vectors of D > N features, turned into N vectors of N features with the same scalar products.
 *
 * With G = X Xᵀ + B² 11ᵀ (X: N scaled rows, B: the bias feature) and its Cholesky factor G = L Lᵀ, the rows
 * of L are the rows of [X B] in another orthonormal basis. A linear classifier whose penalty is ||w||² sees
 * nothing but scalar products: trained on the rows of L it takes the same steps, and w = [X B]ᵀ L⁻ᵀ w_L has
 * the same decision values (the representer theorem: Schölkopf, Herbrich & Smola 2001). Penalties that depend
 * on the basis (L1) are not served.
 *
 * G and L are in double precision. A pivot below 1e-12 of the largest diagonal entry (a duplicate image, a
 * combination of others) is set to that: a change of G within its rounding error, after which L is never
 * singular. */
#pragma once
#include "common/core/thread_pool.h"
#include "train/linear/samples.h"

typedef struct {
    guint n;        /* N */
    double *factor; /* L (N, N), row by row; what is above the diagonal is undefined */
} GramFactor;

/* Bytes that gram_factor_new needs at its peak for these samples. */
gsize gram_factor_memory(guint n);

/* NULL and error where all features are zero (there is nothing to learn from) or an interrupt asked to stop.
 * The result is the same to the bit for any thread pool. */
GramFactor *gram_factor_new(const Samples *samples, ThreadPool *thread_pool, GError **error);
void gram_factor_free(GramFactor *gram_factor);

/* Back to the features; what an interrupt leaves (interrupted()) is unfinished. w: (K, N), a vector on L's
 * columns for each of K outputs, replaced by L⁻ᵀ w. kernel: (D, K), bias: (K) what is added to a decision
 * value, the feature B's weight times B; zero where there is none. */
void gram_factor_weights(const GramFactor *gram_factor, const Samples *samples, ThreadPool *thread_pool,
                         double *w, guint outputs, float *kernel, float *bias);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GramFactor, gram_factor_free)
