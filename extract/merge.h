/* merge: the checks of extract --merge. */
#pragma once
#include "common/cache/cache.h"
#include "extract/options.h"

/* The shards of those that were given, and where they came from one extraction in N parts, which of the N are not
 * among them: a sentence for each N, or NULL. Caller frees. */
char *merge_missing_shards(const CacheShard *shards, guint n);

/* Prints each image of options->check (a folder, or a list of class/name lines) that the cache neither holds nor
 * records as skipped; *missing: how many those are. */
gboolean merge_check(const Options *options, const char *cache, guint *missing, GError **error);
