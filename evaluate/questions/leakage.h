/* leakage: test images that a model was trained on, and its accuracy without them.
 *
 * They are found by content (SHA-256), from the model file's record (common/model/trained_on.h) and from a cache that
 * the user names; and by similarity: the cosine of an image's features with those of an image in that cache is at
 * least a threshold, as for resized or re-encoded copies. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* Fills the leakage of each evaluation and, with trained_on (the images then come from a cache too), the comparison's
 * twins. Where trained_on is the images' own cache, only those chosen of it count. FALSE and error if a cache cannot be
 * read, or the user interrupted. If the two caches have different feature specifications, only contents are compared, with
 * a warning. */
gboolean leakage_find(Comparison *comparison, const LeakageChoice *choice, GError **error);
