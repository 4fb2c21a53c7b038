/* leakage: which test images a model was trained on, and what its accuracy is without them.
 *
 * By content (SHA-256): what the model file says of its training (common/model/trained_on.h), and what is in a cache that
 * the user names. By similarity: images whose features have a cosine with those of an image in that cache of at least a
 * threshold, as resized or re-encoded copies do. */
#pragma once
#include "evaluate/metrics/evaluation.h"

typedef struct {
    const char *trained_on; /* a cache, and examples of a cache; or NULL */
    double similarity;      /* the threshold */
    guint threads;
} LeakageOptions;

/* Fills the leakage of each evaluation and, of trained_on, the comparison's twins. FALSE and a sentence where a cache
 * cannot be read or has changed meanwhile, or the user interrupted. Where the two caches were made in different ways only
 * contents are compared, which a warning says. */
gboolean leakage_find(Comparison *comparison, const LeakageOptions *options, GError **error);

/* Images of this model's leakage that are not IMAGE_UNSEEN. */
guint leakage_count(const Evaluation *evaluation);
