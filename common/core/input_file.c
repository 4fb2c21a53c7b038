/* input_file: see input_file.h. */
#include "common/core/input_file.h"

#include "common/core/error.h"
#include "common/core/interrupt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 };

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a named pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

/* A pipe without a name belongs to the file system of pipes, which is mounted nowhere. */
static gboolean is_inherited_pipe(int fd, const struct stat *status)
{
    struct statfs filesystem;
    return S_ISFIFO(status->st_mode) && fstatfs(fd, &filesystem) == 0 && filesystem.f_type == PIPEFS_MAGIC;
}

static int open_file(const char *path, gboolean pipes, GError **error)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status)) {
        int code = errno;
        error_set(error, "%s: cannot be opened: %s", path, g_strerror(code));
    } else if (!S_ISREG(status.st_mode) && !(pipes && is_inherited_pipe(fd, &status))) {
        error_set(error, "%s: is %s, not a regular file: name a file", path, kind_of(status.st_mode));
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

int input_file_open(const char *path, GError **error)
{
    return open_file(path, FALSE, error);
}

FILE *input_file_stream(const char *path, GError **error)
{
    int fd = input_file_open(path, error);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "rb");
    if (fd >= 0 && !stream) {
        error_set(error, "%s: cannot be opened: %s", path, g_strerror(errno));
        close(fd);
    }
    return stream;
}

/* As read, but waits for a pipe, until a signal asks this process to end. */
static gssize read_some(int fd, char *bytes, gsize size)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    gssize got;
    while ((got = read(fd, bytes, size)) < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (interrupted())
            break;
        poll(&waiting, 1, -1);
    }
    return got;
}

char *input_file_text(const char *path, gsize *size, GError **error)
{
    int fd = open_file(path, TRUE, error);
    if (fd < 0)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *block = g_malloc(BLOCK);
    gssize got;
    while ((got = read_some(fd, block, BLOCK)) > 0)
        g_string_append_len(text, block, got);
    int code = errno;
    close(fd);
    if (got < 0)
        return error_null(error, "%s: cannot be read: %s", path, g_strerror(code));
    if (size)
        *size = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *input_file_plain(const char *path, GError **error)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, as some editors write it */
    gsize size;
    guint line = 1;
    g_autofree char *text = input_file_text(path, &size, error);
    if (!text)
        return NULL;
    gsize length = strlen(text);
    if (length == size)
        return g_strdup(text + (g_str_has_prefix(text, mark) ? strlen(mark) : 0));
    for (gsize i = 0; i < length; i++)
        line += text[i] == '\n';
    return error_null(error, "%s:%u contains a NUL byte: it should be plain text; write it again", path,
                      line);
}

const char *input_image_ending(const char *path)
{
    /* Keras's endings, and others of the same formats and of two that libvips supports. */
    static const char *const endings[] = {".png",  ".jpg", ".jpeg", ".bmp",  ".ppm", ".tif",
                                          ".tiff", ".gif", ".webp", ".jfif", ".jpe"};
    const char *dot = strrchr(path, '.');
    for (gsize i = 0; dot && i < G_N_ELEMENTS(endings); i++)
        if (g_ascii_strcasecmp(dot, endings[i]) == 0)
            return dot;
    return NULL;
}

static int by_bytes(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

gboolean input_path_stays(const char *path)
{
    g_auto(GStrv) parts = strstr(path, "..") ? g_strsplit(path, "/", -1) : NULL;
    return !parts || !g_strv_contains((const char *const *)parts, "..");
}

GPtrArray *input_folder_names(const char *path, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    DIR *folder = opendir(path);
    const struct dirent *entry = NULL;
    while (folder && (errno = 0, entry = readdir(folder)))
        if (!g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, ".."))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    int code = errno;
    if (folder)
        closedir(folder);
    if (code)
        return error_null(error, "cannot read the folder %s: %s", path, g_strerror(code));
    g_ptr_array_sort(names, by_bytes);
    return g_steal_pointer(&names);
}
