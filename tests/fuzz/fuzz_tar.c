/* Tar archives generated from the input, scanned and read. Mutations of whole files would fail at a header's
 * checksum, as libarchive is not built for fuzzing; so the input is a byte, how much is cut off at the end, then five
 * bytes for each member (its type, two choices for its name, its size), followed by up to 16 bytes of content. */
#include "common/core/sandbox.h"
#include "common/dataset/contents.h"
#include "common/dataset/tar_reader.h"
#include "common/image/image.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, SIZE = 124, SUM = 148, TYPE = 156, LINK = 157, MAGIC = 257, CONTENT = 16, CHOICES = 5 };

/* file as the number that the child's has, which is never free for others. */
static void take_over(int file)
{
    g_assert_cmpint(dup2(file, SUBPROCESS_FILE), ==, SUBPROCESS_FILE);
    if (file != SUBPROCESS_FILE)
        close(file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    take_over(open("/dev/null", O_RDONLY));
    g_setenv("TMPDIR", "/dev/shm", TRUE);
    scratch_make();
    atexit(scratch_remove);
    return 0;
}

static void append_header(GByteArray *archive, const guint8 *choices, guint64 size)
{
    static const char *const folders[] = {"",       "a/",  "b/", "./a/",  "top/a/",
                                          "top/b/", "../", "/",  "a/.h/", "a//b/"};
    static const char *const names[] = {"k.jpg", "k.cls", "l.PNG", "l.cls", "k.mask.png",
                                        "k.txt", "",      ".cls",  "k"};
    guint8 block[BLOCK] = {0};
    guint sum = 0;
    g_snprintf((char *)block, 100, "%s%s", folders[choices[1] % G_N_ELEMENTS(folders)],
               names[choices[2] % G_N_ELEMENTS(names)]);
    g_snprintf((char *)block + 100, 8, "0000644");
    g_snprintf((char *)block + SIZE, 12, "%011" G_GINT64_MODIFIER "o", size);
    memset(block + SUM, ' ', 8);
    block[TYPE] = (guint8) "0000012567xgLKSD"[choices[0] % 16];
    block[LINK] = 'a';
    memcpy(block + MAGIC,
           choices[0] & 16 ? "ustar  "
                           : "ustar\0"
                             "00",
           8);
    for (int i = 0; i < BLOCK; i++)
        sum += block[i];
    g_snprintf((char *)block + SUM, 8, "%06o", sum);
    g_byte_array_append(archive, block, BLOCK);
}

/* The number of bytes of data used. */
static gsize append_member(GByteArray *archive, const guint8 *data, gsize size)
{
    gsize given = MIN(size - CHOICES, CONTENT);
    guint64 said = data[3] == 255 ? G_GUINT64_CONSTANT(1) << (data[4] % 33)
                   : data[3] % 64 ? given
                                  : data[4] * 64u;
    append_header(archive, data, said);
    for (guint64 done = 0; done < said && said <= 255 * 64; done += BLOCK) {
        guint8 block[BLOCK] = {0};
        memcpy(block, data + CHOICES, given);
        g_byte_array_append(archive, block, BLOCK);
    }
    return CHOICES + given;
}

/* ---- A sandbox without a process, as each would take longer than all else, and hide errors ---- */

struct Sandbox {
    SandboxServe serve;
    TarReader *reader; /* the child's copy of the work's data */
};

Sandbox *sandbox_start(const SandboxWork *work, GError **error)
{
    g_autofree char *path = in_folder("file.tar");
    struct stat status;
    g_assert_cmpint(fstat(work->file, &status), ==, 0);
    Sandbox *sandbox = g_new(Sandbox, 1);
    *sandbox = (Sandbox){work->serve, tar_reader_new(path, SUBPROCESS_FILE, status.st_size)};
    take_over(dup(work->file));
    return sandbox;
}

gboolean sandbox_ask(Sandbox *sandbox, SandboxBytes head, SandboxBytes body, gsize max, SandboxBytes *answer,
                     GError **error)
{
    SandboxBytes told = {0};
    g_autoptr(GError) problem = NULL;
    if (!sandbox->serve(sandbox->reader, head.bytes, head.size, &told, &problem)) {
        g_free(told.bytes);
        g_set_error_literal(error, SANDBOX_ERROR, SANDBOX_REFUSED + problem->code, problem->message);
        return FALSE;
    }
    g_assert_cmpuint(told.size, <=, max);
    if (!answer->bytes)
        answer->bytes = g_malloc0(told.size + 1);
    if (told.size)
        memcpy(answer->bytes, told.bytes, told.size);
    answer->size = told.size;
    g_free(told.bytes);
    return TRUE;
}

void sandbox_free(Sandbox *sandbox)
{
    if (!sandbox)
        return;
    tar_reader_close(sandbox->reader);
    take_over(open("/dev/null", O_RDONLY));
    g_free(sandbox);
}

/* ---- The programs' reading ---- */

static void read_all(const Dataset *dataset)
{
    guint n = dataset->items->len;
    g_autoptr(Contents) contents = contents_open(dataset, NULL, n, NULL);
    for (guint i = 0; contents && i < n; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = contents_read(contents, i, &error);
        g_assert_true(bytes != NULL || error->domain == IMAGE_ERROR);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const guint8 end[2 * BLOCK];
    g_autofree char *path = in_folder("file.tar");
    g_autoptr(GByteArray) archive = g_byte_array_new();
    for (gsize at = 1; at + CHOICES <= size; at += append_member(archive, data + at, size - at))
        ;
    g_byte_array_append(archive, end, sizeof end);
    gsize cut = size && data[0] & 1 ? data[0] * 64u : 0;
    overwrite(path, archive->data, archive->len - MIN(cut, archive->len));
    g_autoptr(Dataset) dataset = dataset_scan(path, NULL, NULL);
    if (dataset)
        read_all(dataset);
    return 0;
}
