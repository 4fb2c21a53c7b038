#include "common/core/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

char *atomic_file_temporary(const char *path)
{
    return g_strdup_printf("%s.%d.part", path, (int)getpid());
}

static gboolean fail(const char *doing, const char *path, GError **error)
{
    int code = errno;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: cannot %s: %s", path, doing,
                g_strerror(code));
    return FALSE;
}

/* Content first, then the name, then the folder that holds the name. */
static gboolean sync_path(const char *path, int flags)
{
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | flags, 0);
    if (fd < 0)
        return FALSE;
    gboolean done = fsync(fd) == 0 || errno == EINVAL; /* EINVAL: /dev/stdout and the like cannot be synced */
    int code = errno;
    close(fd);
    errno = code;
    return done;
}

gboolean atomic_file_commit(const char *temporary, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    if (!sync_path(temporary, 0) || g_rename(temporary, path) != 0) {
        fail("write", path, error);
        g_unlink(temporary);
        return FALSE;
    }
    sync_path(folder,
              O_DIRECTORY); /* the name is in place; a folder that cannot be synced is no reason to fail */
    return TRUE;
}

static gboolean write_all(int fd, const char *bytes, gsize size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, MIN(size, (gsize)1 << 30));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return FALSE;
        bytes += written;
        size -= (gsize)written;
    }
    return TRUE;
}

gboolean atomic_file_write(const char *path, const void *bytes, gsize size, GError **error)
{
    g_autofree char *temporary = atomic_file_temporary(path);
    int fd = g_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail("create", path, error);
    gboolean written = write_all(fd, bytes, size);
    int code = errno;
    if (close(fd) != 0 || !written) {
        errno = written ? errno : code;
        fail("write", path, error);
        g_unlink(temporary);
        return FALSE;
    }
    return atomic_file_commit(temporary, path, error);
}

/* The process of atomic_file_temporary's name for the file called base; 0 where name is not one. */
static pid_t writer_of(const char *name, const char *base)
{
    guint64 pid;
    g_autofree char *digits = NULL;
    if (!g_str_has_prefix(name, base) || name[strlen(base)] != '.' || !g_str_has_suffix(name, ".part"))
        return 0;
    name += strlen(base) + 1;
    digits = g_strndup(name, strlen(name) - MIN(strlen(name), strlen(".part")));
    return g_ascii_string_to_unsigned(digits, 10, 1, G_MAXINT, &pid, NULL) ? (pid_t)pid : 0;
}

void atomic_file_sweep(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path), *base = g_path_get_basename(path);
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        pid_t pid = writer_of(name, base);
        g_autofree char *temporary = g_build_filename(folder, name, NULL);
        if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)
            g_unlink(temporary);
    }
}
