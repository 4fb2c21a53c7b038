/* layers: ReLU, unit length and dropout on a batch of n images, forward and backward, and the loss.
 *
 * Activations are (n, H, W, C), or flat (n, K); dx and dy are gradients of the loss with respect to a layer's input and
 * output. Parameters: outputs first, then const inputs, then sizes. Results do not depend on the number of threads. */
#pragma once
#include "common/core/thread_pool.h"

#include <math.h>

/* y NULL, forward: x = max(x, 0), in place. Else backward: x, which is dy, becomes dx: 0 where the output y is 0. */
void relu(ThreadPool *thread_pool, float *x, const float *y, gsize count);

/* An image's values x divided by their length; with root, sign(x) sqrt|x| are. */
static inline float signed_root(float x)
{
    return copysignf(sqrtf(fabsf(x)), x);
}

/* 1 / length; 1 where all values are 0. */
float unit_factor(const float *x, gsize count, gboolean root);

/* x, dy and out (n, count). dy NULL, forward: out is y. Else out, which is not dy, is dx; the gradient of a square root at 0
 * is 0, as of the ReLU before it. */
void unit_length(ThreadPool *thread_pool, float *out, const float *dy, const float *x, int n, gsize count,
                 gboolean root);

/* Inverted dropout in place: a unit becomes 0 with probability rate, else is multiplied by 1 / (1 - rate). Which units
 * are dropped depends only on seed, stream (which encodes epoch, batch and layer) and the unit's position, so that the
 * backward pass, the same call on the gradient, drops the same units. */
void dropout(ThreadPool *thread_pool, float *x, int n, gsize units, float rate, guint64 seed, guint64 stream);

typedef struct {
    double loss;   /* sum over images of weight * -log(probability of the label) */
    guint correct; /* images whose largest logit (the first of ties) is the label's */
} LossSum;

/* Cross-entropy of the softmax of logits (n, L) with labels (n), computed from the logits by log-sum-exp, so that it
 * is exact where probabilities round to 0 or 1. weights (n): of the images, NULL for 1. dlogits (n, L), if not NULL:
 * gradient of the mean over n images, as Keras computes it (not divided by the sum of weights). */
LossSum cross_entropy(float *dlogits, const float *logits, const int *labels, const float *weights, int n,
                      int classes);
