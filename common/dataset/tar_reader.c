/* tar_reader: see tar_reader.h. The only file that uses libarchive. */
#include "common/dataset/tar_reader.h"

#include "common/core/error.h"
#include "common/core/input_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_SIZE = 1 << 18, /* bytes read from the file at a time */
    BLOCK = 512,         /* of tar */
    NAME_MAX_BYTES = 4096,
    SHOWN_MAX = 200, /* bytes of a name that a message repeats */
};

struct TarReader {
    char *path;
    int file;
    gint64 size; /* of the file */
    struct archive *archive;
    struct archive_entry *entry; /* libarchive's */
    char *name;                  /* of the member at hand */
    gint64 taken;                /* bytes of its content */
    locale_t utf8;               /* libarchive converts the names of pax headers to the locale's encoding */
    guint8 buffer[READ_SIZE];
};

/* ---- What libarchive reads by ---- */

static la_ssize_t read_file(struct archive *archive, void *user, const void **bytes)
{
    TarReader *reader = user;
    la_ssize_t n;
    do
        n = read(reader->file, reader->buffer, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        archive_set_error(archive, errno, "%s", g_strerror(errno));
    *bytes = reader->buffer;
    return n;
}

/* Not beyond the end, so that a truncated member is detected. */
static la_int64_t skip_file(struct archive *archive, void *user, la_int64_t bytes)
{
    const TarReader *reader = user;
    off_t at = lseek(reader->file, 0, SEEK_CUR);
    gint64 skipped = at < 0 ? 0 : CLAMP(bytes, 0, MAX(reader->size - at, 0));
    return skipped && lseek(reader->file, skipped, SEEK_CUR) < 0 ? 0 : skipped;
}

static gboolean fail(const TarReader *reader, const char *what, GError **error)
{
    const char *why = archive_error_string(reader->archive);
    return error_set(error, "%s: %s%s%s%s", reader->path, what, why ? " (" : "", why ? why : "",
                     why ? ")" : "");
}

static gboolean start_archive(TarReader *reader, GError **error)
{
    struct archive *archive = reader->archive;
    archive_read_support_format_tar(archive);
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_set_read_callback(archive, read_file);
    archive_read_set_skip_callback(archive, skip_file);
    archive_read_set_callback_data(archive, reader);
    return archive_read_open1(archive) == ARCHIVE_OK ||
           fail(reader, "is neither a folder nor a whole tar archive", error);
}

TarReader *tar_reader_new(const char *path, int file, gint64 size)
{
    TarReader *reader = g_new0(TarReader, 1);
    reader->path = g_strdup(path);
    reader->file = file;
    reader->size = size;
    reader->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    reader->archive = archive_read_new();
    return reader;
}

void tar_reader_close(TarReader *reader)
{
    if (!reader)
        return;
    archive_read_free(reader->archive);
    if (reader->utf8)
        freelocale(reader->utf8);
    g_free(reader->name);
    g_free(reader->path);
    g_free(reader);
}

/* ---- Members ---- */

/* The name in canonical form; an error if unpacking it would write outside the folder. */
static gboolean take_name(TarReader *reader, GError **error)
{
    const char *name = archive_entry_pathname(reader->entry);
    if (!name || !*name)
        return error_set(error, "%s: contains a member without a name: create the archive again",
                         reader->path);
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    g_autoptr(GString) whole = g_string_new(NULL);
    gboolean leads_out = name[0] == '/' || !input_path_stays(name);
    for (char **part = parts; *part; part++)
        if (**part && !g_str_equal(*part, "."))
            g_string_append_printf(whole, "%s%s", whole->len ? "/" : "", *part);
    if (leads_out || whole->len > NAME_MAX_BYTES)
        return error_set(error, "%s: its member '%.*s%s' has a name that %s: create the archive again",
                         reader->path, SHOWN_MAX, name, strlen(name) > SHOWN_MAX ? "…" : "",
                         leads_out ? "leads out of the folder" : "is too long");
    g_free(reader->name);
    reader->name = g_strdup(whole->str);
    return TRUE;
}

static TarKind kind_of(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry))
        return TAR_LINK;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return TAR_FILE;
    case AE_IFDIR:
        return TAR_FOLDER;
    case AE_IFLNK:
        return TAR_LINK;
    default:
        return TAR_OTHER;
    }
}

/* An archive ends with blocks of zeros; libarchive would accept one that ends without them. */
static gboolean has_end(const TarReader *reader)
{
    static const guint8 zeros[BLOCK];
    guint8 last[BLOCK];
    return archive_filter_code(reader->archive, 0) != ARCHIVE_FILTER_NONE || reader->size < BLOCK ||
           pread(reader->file, last, BLOCK, reader->size - BLOCK) != BLOCK || memcmp(last, zeros, BLOCK) == 0;
}

static gboolean cut_off(const TarReader *reader, GError **error)
{
    g_autofree char *what = g_strdup_printf("is damaged or truncated after its member '%.*s'", SHOWN_MAX,
                                            reader->name ? reader->name : "");
    return fail(reader, reader->name ? what : "is neither a folder nor a whole tar archive", error);
}

gboolean tar_reader_next(TarReader *reader, TarMember *member, GError **error)
{
    if (!reader->entry && !start_archive(reader, error))
        return FALSE;
    locale_t before = uselocale(reader->utf8);
    int code = archive_read_next_header(reader->archive, &reader->entry);
    gboolean named = code >= ARCHIVE_WARN && code != ARCHIVE_EOF && take_name(reader, error);
    uselocale(before);
    if (code < ARCHIVE_WARN || (code == ARCHIVE_EOF && !has_end(reader)))
        return cut_off(reader, error);
    if (!named)
        return FALSE;
    gint64 size = archive_entry_size(reader->entry);
    reader->taken = 0;
    *member = (TarMember){reader->name, kind_of(reader->entry), (guint64)MAX(size, 0)};
    return TRUE;
}

gboolean tar_reader_content(TarReader *reader, void *bytes, gsize *size, GError **error)
{
    gint64 left = archive_entry_size(reader->entry) - reader->taken;
    gsize done = 0, wanted = MIN(*size, (gsize)MAX(left, 0));
    while (done < wanted) {
        la_ssize_t n = archive_read_data(reader->archive, (guint8 *)bytes + done, wanted - done);
        if (n <= 0)
            return cut_off(reader, error);
        done += (gsize)n;
    }
    reader->taken += (gint64)done;
    *size = done;
    return TRUE;
}
