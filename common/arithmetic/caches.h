/* caches: the size of this processor's L2 cache. For performance only: the division of work may depend on it, results must
 * not. */
#pragma once
#include <glib.h>

/* As the C library reports it, else what is usual. */
gsize cache_bytes(void);

/* For tests: overrides cache_bytes from now on. Existing plans keep the former value. */
void cache_force(gsize bytes);
