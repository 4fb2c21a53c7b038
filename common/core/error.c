/* error: see error.h. */
#include "common/core/error.h"

G_DEFINE_QUARK(vggcache - error, vggcache_error)

static void set(GError **error, const char *format, va_list arguments)
{
    g_propagate_error(error, g_error_new_valist(VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, format, arguments));
}

gboolean error_set(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(error, format, arguments);
    va_end(arguments);
    return FALSE;
}

gpointer error_null(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(error, format, arguments);
    va_end(arguments);
    return NULL;
}
