/* cache_error: error codes of caches, for callers that handle an error rather than print it. */
#pragma once
#include <glib.h>

typedef enum {
    CACHE_ERROR_DAMAGED,  /* not a cache of this format, or altered, or truncated */
    CACHE_ERROR_UNSOUND,  /* a record with a correct checksum but invalid contents */
    CACHE_ERROR_MISMATCH, /* made with another feature specification */
    CACHE_ERROR_BUSY,     /* another writer has it open, or this process has it open already */
    CACHE_ERROR_SYSTEM,   /* the file system reported an error: full, read-only, not found */
} CacheError;
#define CACHE_ERROR (cache_error_quark())
GQuark cache_error_quark(void);

/* Sets error to this sentence. Returns FALSE. */
gboolean cache_error_set(GError **error, CacheError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
