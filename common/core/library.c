/* library: see library.h. */
#include "common/core/library.h"

#include "common/core/error.h"

#include <dlfcn.h>

void *library_open(const char *library, const LibraryFunction *functions, guint n, GError **error)
{
    void *handle = dlopen(library, RTLD_NOW);
    for (guint i = 0; handle && i < n; i++)
        if (!(*functions[i].place = dlsym(handle, functions[i].name)))
            handle = NULL;
    if (!handle)
        error_set(error, "%s; install this library again", dlerror());
    return handle;
}
