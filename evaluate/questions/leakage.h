/* leakage: which images of a test cache have the content (SHA-256) of an image trained on, and what the accuracy is
 * without them. Images that are only similar are found by extract --duplicates. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* Appends how many and which images are in the cache `training` too, and the accuracy of each model on all images, and
 * without these. examples of a cache. FALSE and a sentence where a cache cannot be read or has changed meanwhile. */
gboolean leakage_text(GString *text, const Comparison *comparison, const char *training, GError **error);
