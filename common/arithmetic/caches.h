/* caches: the size of this processor's L2 cache. For performance only: the division of work may depend on it, results must
 * not. */
#pragma once
#include <glib.h>

/* As reported by the C library or the kernel; 0 if there is none or its size is unknown. */
gsize cache_bytes(void);

/* For tests: overrides cache_bytes from now on. Not thread-safe; existing plans keep the former value. */
void cache_force(gsize bytes);
