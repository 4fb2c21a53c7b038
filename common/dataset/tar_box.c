/* tar_box: see tar_box.h. */
#include "common/dataset/tar_box.h"

#include "common/core/error.h"
#include "common/core/input_file.h"
#include "common/core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An archive may take this much processor time, ms, and a second more for each of its megabytes: the slowest of the
 * filters unpacks several in that time. */
enum { LIMIT = 30000, LIMIT_PER_MB = 1000 };

enum {
    MEMORY_GB = 3,        /* xz's largest dictionary takes half of it */
    PIECE = 1 << 20,      /* bytes of a content that are answered at once */
    ANSWER_MAX = 1 << 16, /* bytes of an answered member */
};

typedef enum {
    ORDER_NEXT,    /* by what is told of the member; at the end by nothing */
    ORDER_CONTENT, /* by the next piece of the member's content */
} Order;

typedef struct {
    TarKind kind;
    guint64 size;
    char name[]; /* with its NUL */
} Told;

struct TarBox {
    char *path;
    Told *member; /* the last; NULL: none yet */
    guint64 left; /* of its content */
    Sandbox *sandbox;
};

/* ---- In the process that reads the archive ---- */

static SandboxBytes answer_member(const TarMember *member)
{
    gsize length = strlen(member->name) + 1;
    Told *told = g_malloc0(sizeof *told + length);
    told->kind = member->kind;
    told->size = member->size;
    memcpy(told->name, member->name, length);
    return (SandboxBytes){told, sizeof *told + length};
}

static gboolean serve(gpointer reader, const guint8 *order, gsize size, SandboxBytes *answer, GError **error)
{
    TarMember member;
    GError *problem = NULL;
    if (*order == ORDER_CONTENT) {
        *answer = (SandboxBytes){g_malloc(PIECE), PIECE};
        return tar_reader_content(reader, answer->bytes, &answer->size, error);
    }
    if (tar_reader_next(reader, &member, &problem))
        *answer = answer_member(&member);
    else if (problem)
        g_propagate_error(error, problem);
    return !problem;
}

/* ---- In this process ---- */

/* Asks for at most max bytes, to answer->bytes or, if that is NULL, to new memory. */
static gboolean ask(TarBox *box, Order order, gsize max, SandboxBytes *answer, GError **error)
{
    guint8 byte = (guint8)order;
    GError *problem = NULL;
    return sandbox_ask(box->sandbox, (SandboxBytes){&byte, 1}, (SandboxBytes){0}, max, answer, &problem) ||
           sandbox_blame(error, box->path, "archive", problem);
}

/* -1 and error on failure. */
static int open_archive(const char *path, gint64 *size, GError **error)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || fstat(file, &status))
        error_set(error, "cannot read %s: %s", path, g_strerror(errno));
    else if (!S_ISREG(status.st_mode))
        error_set(error,
                  "%s is neither a folder nor a file: an archive is read twice, first for names and then "
                  "for images, so it must be a regular file",
                  path);
    else {
        *size = status.st_size;
        return file;
    }
    if (file >= 0)
        close(file);
    return -1;
}

TarBox *tar_box_open(const char *path, GError **error)
{
    GError *problem = NULL;
    gint64 size;
    int file = open_archive(path, &size, error);
    if (file < 0)
        return NULL;
    g_autoptr(TarReader) reader = tar_reader_new(path, SUBPROCESS_FILE, size);
    const SandboxWork work = {.serve = serve,
                              .data = reader,
                              .file = file,
                              .request = 1,
                              .memory = (gsize)MEMORY_GB << 30,
                              .limit = (guint)MIN(LIMIT + size / 1000000 * LIMIT_PER_MB, G_MAXINT32)};
    Sandbox *sandbox = sandbox_start(&work, &problem);
    close(file);
    if (!sandbox) {
        sandbox_blame(error, path, "archive", problem);
        return NULL;
    }
    TarBox *box = g_new0(TarBox, 1);
    box->path = g_strdup(path);
    box->sandbox = sandbox;
    return box;
}

void tar_box_close(TarBox *box)
{
    if (!box)
        return;
    sandbox_free(box->sandbox);
    g_free(box->member);
    g_free(box->path);
    g_free(box);
}

gboolean tar_box_next(TarBox *box, TarMember *member, GError **error)
{
    SandboxBytes answer = {0};
    if (!ask(box, ORDER_NEXT, ANSWER_MAX, &answer, error))
        return FALSE;
    g_free(box->member);
    Told *told = box->member = answer.bytes;
    if (answer.size == 0)
        return FALSE;
    /* The name, which the sandbox has ended by a NUL, is whole and as tar_reader.h promises. */
    if (answer.size < sizeof *told || answer.size != sizeof *told + strlen(told->name) + 1 ||
        *told->name == '/' || !input_path_stays(told->name))
        return error_set(error, "%s: a member has a name that is not valid: the archive is damaged",
                         box->path);
    if (told->kind != TAR_FILE && told->kind != TAR_FOLDER && told->kind != TAR_LINK)
        told->kind = TAR_OTHER;
    box->left = told->kind == TAR_FILE ? told->size : 0;
    *member = (TarMember){told->name, told->kind, told->size};
    return TRUE;
}

/* Appends a piece of the last member's content. */
static gboolean add_piece(TarBox *box, GByteArray *content, GError **error)
{
    guint before = content->len, wanted = (guint)MIN(box->left, PIECE);
    g_byte_array_set_size(content, before + wanted);
    SandboxBytes answer = {.bytes = content->data + before};
    box->left -= wanted;
    if (!ask(box, ORDER_CONTENT, wanted, &answer, error))
        return FALSE;
    return answer.size == wanted ||
           error_set(error, "%s: its member '%s' is incomplete: the archive is damaged", box->path,
                     box->member->name);
}

GBytes *tar_box_content(TarBox *box, TarWanted wanted, GError **error)
{
    GByteArray *content = g_byte_array_sized_new(1); /* so that an empty one has bytes */
    do {
        if (!add_piece(box, content, error) ||
            (wanted && box->left && !wanted(content->data, content->len, error))) {
            g_byte_array_unref(content);
            return NULL;
        }
        wanted = NULL;
    } while (box->left);
    return g_byte_array_free_to_bytes(content);
}

gboolean tar_box_recognizes(const char *path)
{
    TarMember member;
    g_autoptr(TarBox) box = tar_box_open(path, NULL);
    return box && tar_box_next(box, &member, NULL);
}
