/* caches: sizes of this processor's data caches. For performance only: the division of work may depend on them, results
 * must not. */
#pragma once
#include <glib.h>

enum { CACHE_LEVELS = 3 };

/* Bytes of the data cache of level 1 to CACHE_LEVELS as reported by the C library or the kernel, which may sum the last
 * level over groups of processors; 0 if there is none or its size is unknown. */
gsize cache_bytes(int level);

/* For tests: overrides cache_bytes(level) from now on. Not thread-safe; existing plans keep the former value. */
void cache_force(int level, gsize bytes);
