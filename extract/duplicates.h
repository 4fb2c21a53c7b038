/* duplicates: which images of a cache are alike, for extract --split. */
#pragma once
#include "common/cache/cache.h"

/* (N) for each image the first of those that are alike: with the same content, or a cosine similarity of the features
 * from `similarity` on, directly or by way of others. NULL and error on failure. Caller frees. */
guint *duplicates_units(Cache *cache, double similarity, guint threads, GError **error);
