/* spill: see spill.h. */
#include "train/data/spill.h"

#include "common/core/error.h"
#include "common/core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int unnamed_file(const char *folder)
{
    g_autofree char *name = g_build_filename(folder, ".vggcache-XXXXXX", NULL);
    int file = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0)
        unlink(name);
    return file;
}

void *spill_new(const char *beside, gsize bytes, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(beside);
    int file = unnamed_file(folder), code = file < 0 ? errno : posix_fallocate(file, 0, (off_t)MAX(bytes, 1));
    void *map = code ? MAP_FAILED : mmap(NULL, MAX(bytes, 1), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED && !code)
        code = errno;
    if (file >= 0)
        close(file);
    if (code) {
        g_autofree char *size = memory_text(bytes);
        return error_null(error, "%s: %s of temporary data cannot be kept in this folder: %s", folder, size,
                          g_strerror(code));
    }
    return map;
}

void spill_free(void *bytes, gsize size)
{
    if (bytes)
        munmap(bytes, MAX(size, 1));
}
