/* output_file: see output_file.h. */
#include "common/core/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAX_LINKS = 40, BLOCK = 1 << 16 };

struct OutputFile {
    char *path; /* as named */
    char *target,
        *temporary; /* the regular file and the one beside it; NULL: a nameless file waits for finish */
    int fd;         /* of what is written; < 0: closed */
    FILE *stream;
    int code; /* errno of the first write that failed */
    pid_t owner;
    gboolean waits; /* committed, for what is no regular file; at most one a path */
    GList link;     /* in files */
};

static GQueue files; /* all that are open or wait, the latest first */

static gboolean fail(const char *doing, const char *path, GError **error)
{
    int code = errno;
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "%s: cannot %s: %s", path, doing,
                g_strerror(code));
    return FALSE;
}

/* ---- The target of a path ---- */

static gboolean in_proc(const char *folder)
{
    struct statfs filesystem;
    return statfs(folder, &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC;
}

/* The descriptor that "FOLDER/N" names where folder is this process's /proc/self/fd; else -1. */
static int own_descriptor(const char *folder, const char *name)
{
    guint64 number;
    g_autofree char *own = realpath("/proc/self/fd", NULL), *there = realpath(folder, NULL);
    return own && there && g_str_equal(own, there) &&
                   g_ascii_string_to_unsigned(name, 10, 0, G_MAXINT, &number, NULL)
               ? (int)number
               : -1;
}

gboolean output_target_find(const char *path, OutputTarget *target)
{
    g_autofree char *at = g_strdup(path);
    struct stat there;
    *target = (OutputTarget){NULL, g_str_equal(path, "-") ? STDOUT_FILENO : -1};
    if (target->descriptor >= 0)
        return TRUE;
    for (int links = 0; links < MAX_LINKS; links++) {
        g_autofree char *folder = g_path_get_dirname(at), *name = g_path_get_basename(at);
        if (lstat(at, &there) != 0 ? errno == ENOENT : S_ISREG(there.st_mode)) {
            target->regular = g_steal_pointer(&at);
            return TRUE;
        }
        if (lstat(at, &there) != 0)
            return FALSE;
        if (S_ISDIR(there.st_mode)) {
            errno = EISDIR;
            return FALSE;
        }
        if (!S_ISLNK(there.st_mode))
            return TRUE;
        if (in_proc(
                folder)) { /* this process's descriptors; any other file of a process is not the user's to name */
            target->descriptor = own_descriptor(folder, name);
            errno = EACCES;
            return target->descriptor >= 0;
        }
        g_autofree char *link = g_file_read_link(at, NULL);
        if (!link)
            return FALSE;
        g_free(at);
        at = g_path_is_absolute(link) ? g_steal_pointer(&link) : g_build_filename(folder, link, NULL);
    }
    errno = ELOOP;
    return FALSE;
}

/* ---- streams that resume after a signal ---- */

static gboolean write_all(int fd, const char *bytes, gsize size)
{
    while (size > 0) {
        ssize_t written = TEMP_FAILURE_RETRY(write(fd, bytes, size));
        if (written <= 0)
            return FALSE;
        bytes += written;
        size -= (gsize)written;
    }
    return TRUE;
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t size)
{
    OutputFile *file = cookie;
    if (write_all(file->fd, bytes, size))
        return (ssize_t)size;
    file->code = file->code ? file->code : errno;
    return 0; /* what stdio treats as a failure */
}

static ssize_t stream_read(void *cookie, char *bytes, size_t size)
{
    return TEMP_FAILURE_RETRY(read(((OutputFile *)cookie)->fd, bytes, size));
}

static int stream_seek(void *cookie, off64_t *offset, int whence)
{
    *offset = lseek64(((OutputFile *)cookie)->fd, *offset, whence);
    return *offset < 0 ? -1 : 0;
}

static FILE *stream_on(OutputFile *file)
{
    FILE *stream = fopencookie(
        file, "w+", (cookie_io_functions_t){.read = stream_read, .write = stream_write, .seek = stream_seek});
    if (stream)
        setvbuf(stream, NULL, _IOFBF, BLOCK);
    return stream;
}

/* ---- writing ---- */

/* Creates a file with the mode of the one that it will replace. */
static int open_beside(const char *temporary, const char *target)
{
    struct stat there;
    gboolean replaces = stat(target, &there) == 0;
    mode_t mode = replaces ? there.st_mode & 07777 : 0666;
    int fd = g_open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode & 0777);
    if (fd >= 0 && replaces && fchmod(fd, mode) != 0) {
        int code = errno;
        close(fd);
        g_unlink(temporary);
        errno = code;
        return -1;
    }
    return fd;
}

static int open_nameless(void)
{
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp("vggcache-XXXXXX", &name, NULL);
    if (fd >= 0)
        g_unlink(name);
    return fd;
}

OutputFile *output_file_open(const char *path, GError **error)
{
    OutputTarget target;
    if (!output_target_find(path, &target)) {
        fail("create", path, error);
        return NULL;
    }
    output_file_sweep(path);
    g_autoptr(OutputFile) file = g_new0(OutputFile, 1);
    file->path = g_strdup(path);
    file->target = target.regular;
    if (file->target)
        file->temporary = g_strdup_printf("%s.%d.part", file->target, (int)getpid());
    file->owner = getpid();
    file->fd = -1;
    file->link.data = file;
    g_queue_push_head_link(&files, &file->link);
    /* Only then created: if there is no memory for its stream, output_file_abandon has to know of it. */
    file->fd = file->target ? open_beside(file->temporary, file->target) : open_nameless();
    file->stream = file->fd < 0 ? NULL : stream_on(file);
    if (file->stream)
        return g_steal_pointer(&file);
    fail("create", path, error);
    return NULL;
}

FILE *output_file_stream(OutputFile *file)
{
    return file->stream;
}

gboolean output_file_resize(OutputFile *file, gsize size)
{
    return fflush(file->stream) == 0 && TEMP_FAILURE_RETRY(ftruncate(file->fd, (off_t)size)) == 0;
}

void output_file_abandon(void)
{
    for (const GList *at = files.head; at; at = at->next) {
        const OutputFile *file = at->data;
        if (file->fd >= 0 && file->temporary && file->owner == getpid())
            unlink(file->temporary);
    }
}

void output_file_discard(OutputFile *file)
{
    if (!file)
        return;
    g_queue_unlink(&files, &file->link);
    if (file->stream)
        fclose(file->stream);
    if (file->fd >= 0)
        close(file->fd);
    if (file->fd >= 0 && file->temporary)
        g_unlink(file->temporary);
    g_free(file->temporary);
    g_free(file->target);
    g_free(file->path);
    g_free(file);
}

/* EINVAL: a filesystem without syncing. */
static gboolean sync_fd(int fd)
{
    return TEMP_FAILURE_RETRY(fsync(fd)) == 0 || errno == EINVAL;
}

/* The file is in place; if its folder cannot be synced, that is ignored. */
static void sync_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = g_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd >= 0) {
        sync_fd(fd);
        close(fd);
    }
}

/* What waits, for this path or NULL: any, the longest. */
static OutputFile *find_waiting(const char *path)
{
    for (const GList *at = files.tail; at; at = at->prev) {
        OutputFile *file = at->data;
        if (file->waits && (!path || g_str_equal(file->path, path)))
            return file;
    }
    return NULL;
}

/* In the place of what waits for the same path. */
static void let_wait(OutputFile *file)
{
    output_file_discard(find_waiting(file->path));
    g_queue_unlink(&files, &file->link);
    file->waits = TRUE;
    g_queue_push_head_link(&files, &file->link);
}

/* Syncs the content, renames, then syncs the folder. */
gboolean output_file_commit(OutputFile *taken, GError **error)
{
    g_autoptr(OutputFile) file = taken;
    gboolean written = !ferror(file->stream) && fflush(file->stream) == 0;
    if (!written || (file->target && !sync_fd(file->fd))) {
        errno = file->code ? file->code : errno;
        return fail("write", file->path, error);
    }
    if (!file->target) {
        let_wait(g_steal_pointer(&file));
        return TRUE;
    }
    int fd = file->fd;
    file->fd = -1; /* the temporary file must not be removed any more */
    if ((close(fd) != 0 && errno != EINTR) || g_rename(file->temporary, file->target) != 0) {
        fail("write", file->path, error);
        g_unlink(file->temporary);
        return FALSE;
    }
    sync_folder(file->target);
    return TRUE;
}

gboolean output_file_write(const char *path, const void *bytes, gsize size, GError **error)
{
    OutputFile *file = output_file_open(path, error);
    if (!file)
        return FALSE;
    fwrite(bytes, 1, size, file->stream); /* errors are kept by the stream */
    return output_file_commit(file, error);
}

/* ---- Other than regular files ---- */

/* A descriptor of this process is written at its current position, after what was printed. */
static gboolean pass_on(const OutputFile *file, GError **error)
{
    g_autofree char *block = g_malloc(BLOCK);
    OutputTarget target = {NULL, -1};
    output_target_find(file->path, &target);
    g_free(target.regular);
    int to = target.descriptor >= 0 ? fcntl(target.descriptor, F_DUPFD_CLOEXEC, 0)
                                    : g_open(file->path, O_WRONLY | O_CLOEXEC, 0);
    if (to < 0)
        return fail("write", file->path, error);
    ssize_t got = lseek(file->fd, 0, SEEK_SET) == 0 ? 1 : -1;
    while (got > 0) {
        got = TEMP_FAILURE_RETRY(read(file->fd, block, BLOCK));
        if (got > 0 && !write_all(to, block, (gsize)got))
            got = -1;
    }
    gboolean good = got == 0 || fail("write", file->path, error);
    close(to);
    return good;
}

gboolean output_file_finish(GError **error)
{
    gboolean good = TRUE;
    for (OutputFile *file; (file = find_waiting(NULL));) {
        good = good && pass_on(file, error);
        output_file_discard(file);
    }
    return good;
}

gboolean output_file_is_stdout(const char *path)
{
    OutputTarget target = {NULL, -1};
    if (!path || !output_target_find(path, &target))
        return FALSE;
    g_free(target.regular);
    return target.descriptor == STDOUT_FILENO;
}

char *output_file_content(const char *path)
{
    const OutputFile *file = find_waiting(path);
    return file ? g_strdup_printf("/proc/self/fd/%d", file->fd) : g_strdup(path);
}

/* ---- Temporary files of killed writers ---- */

/* The process id in the name of a temporary file for the file base; 0 if name is not one. */
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

void output_file_sweep(const char *path)
{
    OutputTarget target;
    if (!output_target_find(path, &target) || !target.regular)
        return;
    g_autofree char *regular = target.regular;
    g_autofree char *folder = g_path_get_dirname(regular), *base = g_path_get_basename(regular);
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        pid_t pid = writer_of(name, base);
        g_autofree char *temporary = g_build_filename(folder, name, NULL);
        if (pid == getpid() || (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH))
            g_unlink(temporary);
    }
}
