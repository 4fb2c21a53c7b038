/* tar_reader: the members of a tar archive in their order, compressed (gzip, bzip2, xz, zstd, lz4) or not, by libarchive.
 *
 * Archives are untrusted input, so a name that is absolute or has a part "..", one that is too long, a damaged
 * header and an end that comes too early are errors: the archive as a whole is not to be used. Nothing is unpacked to
 * disk, and no member is in memory but the one that was asked for. The content of members that are passed over is not
 * read where the archive is not compressed.
 *
 * One thread at a time. Sentences name the archive. Programs use it through tar_box.h. */
#pragma once
#include <glib.h>

typedef enum {
    TAR_FILE,
    TAR_FOLDER,
    TAR_LINK,  /* symbolic or hard */
    TAR_OTHER, /* a device, a pipe, … */
} TarKind;

typedef struct {
    const char *name; /* without "./" before it or '/' behind it; until the next call of tar_reader_next */
    TarKind kind;
    guint64 size; /* bytes of a TAR_FILE */
} TarMember;

typedef struct TarReader TarReader;

/* fenced: this process may do nothing but read it from then on (decoder_fence.h), and that before the first byte is looked at.
 * NULL and error where the file cannot be read twice (a pipe) or is no tar archive. */
TarReader *tar_reader_open(const char *path, gboolean fenced, GError **error);
void tar_reader_close(TarReader *reader);

/* The next member. FALSE at the end of the archive, and with error where it is damaged or cut off. */
gboolean tar_reader_next(TarReader *reader, TarMember *member, GError **error);

/* The content of the member that tar_reader_next gave last, a TAR_FILE; asked for once. NULL and error where it is not
 * whole, or where there is no memory for it: the caller has looked at its size. */
GBytes *tar_reader_content(TarReader *reader, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarReader, tar_reader_close)
