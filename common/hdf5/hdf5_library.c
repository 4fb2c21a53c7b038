/* hdf5_library: see hdf5_library.h. */
#include "common/hdf5/hdf5_library.h"

#include "common/core/error.h"
#include "common/core/memory.h"

#include <string.h>

enum { LIBRARY_ROOM = 8 << 20 }; /* bytes: libhdf5 crashes if it lacks them at start */

void hdf5_release(hid_t *id)
{
    if (*id >= 0)
        H5Idec_ref(*id);
}

void hdf5_startup(void)
{
    memory_need(LIBRARY_ROOM, "HDF5");
    H5dont_atexit(); /* counts before libhdf5's first other call */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Eclear2(H5E_DEFAULT);
}

/* The innermost reason; for a failed system call, which libhdf5 describes at length, the system's own message. */
static herr_t keep_innermost(unsigned n, const H5E_error2_t *entry, void *data)
{
    if (n > 0 || !entry->desc)
        return 0;
    const char *words = strstr(entry->desc, "error message = '");
    if (words) {
        words += strlen("error message = '");
        *(char **)data = g_strndup(words, strcspn(words, "'"));
    } else {
        *(char **)data = g_strdup(entry->desc);
    }
    return 0;
}

gboolean hdf5_fail(GError **error, const char *path, const char *format, ...)
{
    g_autofree char *reason = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return reason ? error_set(error, "%s: %s (%s)", path, message, reason)
                  : error_set(error, "%s: %s", path, message);
}

int hdf5_exists(hid_t file, const char *object)
{
    g_auto(GStrv) steps = g_strsplit(object, "/", -1);
    g_autoptr(GString) prefix = g_string_new(NULL);
    for (char **step = steps; *step; step++) {
        H5L_info_t info;
        if (!**step)
            continue;
        g_string_append_printf(prefix, "/%s", *step);
        htri_t there = H5Lexists(file, prefix->str, H5P_DEFAULT);
        if (there <= 0)
            return there;
        if (H5Lget_info(file, prefix->str, &info, H5P_DEFAULT) < 0)
            return -1;
        if (info.type != H5L_TYPE_HARD)
            return 0;
    }
    return 1;
}
