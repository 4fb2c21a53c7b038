/* new_cache: a new cache from the items of another one, without images. */
#pragma once
#include "common/cache/cache.h"

/* Stored as the other one is. NULL and error if there are items already: one could be in the wrong part, or another image's. */
CacheWriter *new_cache(const Cache *from, const FeatureSpec *spec, const char *path, GError **error);

/* Item `index` with these features; commits often. */
gboolean new_cache_put(CacheWriter *writer, Cache *from, guint index, const float *features, GError **error);

/* Queues the skipped inputs that are no items; returns their number. */
guint new_cache_skip(CacheWriter *writer, const Cache *from);
