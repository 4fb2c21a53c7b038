/* cache_error: what can go wrong with a cache, for those who act on it rather than print it. */
#pragma once
#include <glib.h>

typedef enum {
    CACHE_ERROR_DAMAGED,  /* not a cache of this format, or altered, or truncated */
    CACHE_ERROR_UNSOUND,  /* a record whose checksum holds, but not what it says */
    CACHE_ERROR_MISMATCH, /* made with another feature specification */
    CACHE_ERROR_BUSY,     /* another writer is at work, or it is open in this program already */
    CACHE_ERROR_SYSTEM,   /* the file system refuses: full, read-only, not there */
} CacheError;
#define CACHE_ERROR (cache_error_quark())
GQuark cache_error_quark(void);
