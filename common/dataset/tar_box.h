/* tar_box: tar_reader.h in a sandbox (sandbox.h): libarchive and the libraries it unpacks by run in a process that has the
 * archive open and can open nothing else. A crash there is an error of the archive, as are a time that no archive of its
 * size takes, names that lead out of the folder, and contents of another length than was announced.
 *
 * One thread at a time. Opened while no other thread holds a lock of GLib's, by a thread that outlives it: the process ends
 * with that thread. */
#pragma once
#include "common/dataset/tar_reader.h"

typedef struct TarBox TarBox;

/* NULL and error if the file cannot be opened, or not be read twice (a pipe). */
TarBox *tar_box_open(const char *path, GError **error);
/* As tar_reader_next. */
gboolean tar_box_next(TarBox *box, TarMember *member, GError **error);
void tar_box_close(TarBox *box);

/* Whether a content that begins with these bytes is wanted; if not, FALSE and error. */
typedef gboolean (*TarWanted)(const guint8 *bytes, gsize size, GError **error);

/* The content of the last member, a TAR_FILE of less than 4 GiB; once per member. Memory is taken as its bytes arrive. Of
 * a large one that is not wanted (NULL: it is), only the beginning is read. NULL and error. */
GBytes *tar_box_content(TarBox *box, TarWanted wanted, GError **error);

/* Whether the file begins as a tar archive does. */
gboolean tar_box_recognizes(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarBox, tar_box_close)
