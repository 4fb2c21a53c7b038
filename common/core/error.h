/* error: the domain of errors without a specific domain. A message is one sentence that names the file, what was
 * found and what to do about it. */
#pragma once
#include <glib.h>

typedef enum {
    VGGCACHE_ERROR_FAILED,
    VGGCACHE_ERROR_UNSOUND, /* a cache's record with a correct checksum, but invalid contents */
    VGGCACHE_ERROR_UNREAD,  /* the reader of standard output has gone: no failure, and nothing to say */
} VggcacheError;
#define VGGCACHE_ERROR (vggcache_error_quark())
GQuark vggcache_error_quark(void);

/* Sets error to this sentence, in the domain of VGGCACHE_ERROR. Returns FALSE: return error_set(error,
 * "%s: …", path, …). error may be NULL. */
gboolean error_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for functions that return a pointer: returns NULL. */
gpointer error_null(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
