/* tar_reader: reads the members of a tar archive in order, compressed (gzip, bzip2, xz, zstd, lz4) or not, by
 * libarchive.
 *
 * Archives are untrusted input: names that are absolute, contain ".." or are too long, a damaged header and a
 * premature end are errors, after which the archive must not be used. Nothing is unpacked to disk, and only the
 * requested member is in memory. In an uncompressed archive, the content of skipped members is not read.
 *
 * One thread at a time. Errors name the archive. Programs use it through tar_box.h. */
#pragma once
#include <glib.h>

typedef enum {
    TAR_FILE,
    TAR_FOLDER,
    TAR_LINK,  /* symbolic or hard */
    TAR_OTHER, /* a device, a pipe, … */
} TarKind;

typedef struct {
    const char *name; /* without leading "./" or trailing '/'; valid until the next call of tar_reader_next */
    TarKind kind;
    guint64 size; /* bytes of a TAR_FILE */
} TarMember;

typedef struct TarReader TarReader;

/* Reads from an open file of `size` bytes, which may be another process's: nothing is read from it yet. */
TarReader *tar_reader_new(const char *path, int file, gint64 size);
void tar_reader_close(TarReader *reader);

/* The next member. FALSE at the end of the archive, or with error if it is none, damaged or
 * truncated. */
gboolean tar_reader_next(TarReader *reader, TarMember *member, GError **error);

/* The next bytes of the content of the last member, a TAR_FILE: `size` of them, or all that are left. FALSE and error if
 * it is incomplete. */
gboolean tar_reader_content(TarReader *reader, void *bytes, gsize *size, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarReader, tar_reader_close)
