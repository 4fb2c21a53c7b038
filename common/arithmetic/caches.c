/* caches: see caches.h. */
#include "common/arithmetic/caches.h"

#include <unistd.h>

static gssize forced = -1;

gsize cache_bytes(void)
{
    enum {
        USUAL = 1 << 20
    }; /* where the C library does not know it, as on some processors other than x86-64 */
    long told = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return forced >= 0 ? (gsize)forced : told > 0 ? (gsize)told : USUAL;
}

void cache_force(gsize bytes)
{
    forced = (gssize)bytes;
}
