/* image_file: see image_file.h. */
#include "common/image/image_file.h"

#include "common/image/decoder_box.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static DecoderBox *box;
static guint images_turned;

gboolean image_file_startup(const char *program, GError **error)
{
    enum { LIMIT = 60000 }; /* ms; an image of IMAGE_MAX_PIXELS takes a few seconds */
    image_startup(program);
    box = decoder_box_new(image_decode, LIMIT, error);
    return box != NULL;
}

/* Sets the error for a system call's code, caused by the machine or by the file. */
static GBytes *fail_with(GError **error, int code)
{
    gboolean machine = code == EMFILE || code == ENFILE || code == ENOMEM || code == EIO;
    image_fail(error, machine ? IMAGE_ERROR_MACHINE : IMAGE_ERROR_UNREADABLE, "%s", g_strerror(code));
    return NULL;
}

/* The content of an open regular file of `size` bytes, or of fewer if it has become shorter meanwhile. */
static GBytes *read_regular(int file, gsize size, GError **error)
{
    g_autofree guint8 *content = g_try_malloc(size + 1);
    gsize done = 0;
    gssize n = 1;
    if (!content)
        return fail_with(error, ENOMEM);
    for (; n > 0 && done < size; done += (gsize)MAX(n, 0))
        n = TEMP_FAILURE_RETRY(read(file, content + done, size - done));
    return n < 0 ? fail_with(error, errno) : g_bytes_new_take(g_steal_pointer(&content), done);
}

GBytes *image_file_read(const char *path, GError **error)
{
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    GBytes *bytes = NULL;
    if (file < 0)
        return fail_with(error, errno);
    if (fstat(file, &status))
        fail_with(error, errno);
    else if (!S_ISREG(status.st_mode))
        image_unreadable(error, "is not a regular file");
    else if ((gsize)status.st_size > IMAGE_FILE_MAX)
        image_unreadable(error, "is larger than 1 GiB");
    else
        bytes = read_regular(file, (gsize)status.st_size, error);
    close(file);
    return bytes;
}

gboolean image_file_decode_content(GBytes *content, const Decoding *how, guint8 *rgb, char **remark,
                                   GError **error)
{
    ImageFacts facts;
    if (!decoder_box_decode(box, content, how, IMAGE_MAX_PIXELS, rgb, &facts, error))
        return FALSE;
    g_atomic_int_add(&images_turned, facts.turned ? 1 : 0);
    if (remark)
        *remark = *facts.remark ? g_strdup(facts.remark) : NULL;
    return TRUE;
}

gboolean image_file_measure(const char *path, ImageFacts *facts, GError **error)
{
    const Decoding none = {.preset = PRESET_KERAS};
    g_autoptr(GBytes) content = image_file_read(path, error);
    return content && decoder_box_decode(box, content, &none, IMAGE_MAX_PIXELS, NULL, facts, error);
}

guint image_file_turned(void)
{
    return (guint)g_atomic_int_get(&images_turned);
}

gboolean image_file_decode(const char *path, const Decoding *how, guint8 *rgb, GBytes **content,
                           GError **error)
{
    g_autoptr(GBytes) bytes = image_file_read(path, error);
    if (!bytes || !image_file_decode_content(bytes, how, rgb, NULL, error))
        return FALSE;
    if (content)
        *content = g_steal_pointer(&bytes);
    return TRUE;
}
