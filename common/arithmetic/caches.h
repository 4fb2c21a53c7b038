/* caches: sizes of this processor's data caches. For speed alone: how work is cut may follow from them, results may not. */
#pragma once
#include <glib.h>

enum { CACHE_LEVELS = 3 };

/* Bytes of the data cache of level 1 to CACHE_LEVELS that the C library or the kernel tells of, the last level's maybe
 * summed over groups of processors; 0 where neither does, or where there is none. */
gsize cache_bytes(int level);

/* For tests: from now on cache_bytes(level) is this. Not thread-safe; what was made before keeps what it was told. */
void cache_force(int level, gsize bytes);
