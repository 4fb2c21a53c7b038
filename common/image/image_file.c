#include "common/image/image_file.h"

#include "common/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static GBytes *fail(GError **error, const char *reason)
{
    g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE, reason);
    return NULL;
}

/* Reads up to size bytes: fewer where the file has become shorter meanwhile, -1 where reading fails. */
static gssize read_all(int file, guint8 *bytes, gsize size)
{
    gsize done = 0;
    while (done < size) {
        gssize n = read(file, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (gsize)n;
    }
    return (gssize)done;
}

GBytes *image_file_read(const char *path, GError **error)
{
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    GBytes *bytes = NULL;
    if (file < 0)
        return fail(error, g_strerror(errno));
    if (fstat(file, &status))
        fail(error, g_strerror(errno));
    else if (!S_ISREG(status.st_mode))
        fail(error, "is not a regular file");
    else if ((gsize)status.st_size > IMAGE_FILE_MAX)
        fail(error, "is larger than 1 GiB");
    else {
        guint8 *content = g_malloc((gsize)status.st_size + 1);
        gssize n = read_all(file, content, (gsize)status.st_size);
        if (n < 0) {
            fail(error, g_strerror(errno));
            g_free(content);
        } else {
            bytes = g_bytes_new_take(content, (gsize)n);
        }
    }
    close(file);
    return bytes;
}
