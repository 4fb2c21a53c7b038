/* new_cache: a new cache from the items of another one, without images; and when to commit. */
#pragma once
#include "common/cache/cache.h"

/* Stored as the other one is. NULL and error if there are items already: one could be in the wrong part, or another image's. */
CacheWriter *new_cache(const Cache *from, const FeatureSpec *spec, const char *path, GError **error);

/* Item `index` with these features; commits often. */
gboolean new_cache_put(CacheWriter *writer, Cache *from, guint index, const float *features, GError **error);

/* Queues the skipped inputs that are no items; returns their number. */
guint new_cache_skip(CacheWriter *writer, const Cache *from);

/* Commits where much is pending. A commit waits for the disk: with 512 vectors each, half as long as with 64, for 27 MB
 * more (29 KB a vector); larger vectors are fewer at a time, as they wait in memory. */
gboolean commit_often(CacheWriter *writer, GError **error);
