/* merge: the checks of extract --merge. */
#pragma once
#include "common/cache/cache.h"
#include "extract/options.h"

/* If the given shards are parts of an extraction in N parts, a sentence for each such N on the missing ones; NULL if
 * there are none. Caller frees. */
char *merge_missing_shards(const CacheShard *shards, guint n);

/* Prints each image of options->check (a folder, or a list of class/name lines) that the cache neither contains nor
 * records as skipped; *missing: their number. */
gboolean merge_check(const Options *options, const char *cache, guint *missing, GError **error);
