/* tar_box: tar_reader.h behind the fence that images are decoded behind (decoder_fence.h): libarchive and the libraries it
 * unpacks by run in a process that has the archive open and can open nothing else. A crash there is an error of the
 * archive.
 *
 * One thread at a time. Opened while no other thread holds a lock of GLib's, by a thread that outlives it: the process ends
 * with that thread. */
#pragma once
#include "common/dataset/tar_reader.h"

typedef struct TarBox TarBox;

/* As tar_reader_open, tar_reader_next and tar_reader_content. */
TarBox *tar_box_open(const char *path, GError **error);
gboolean tar_box_next(TarBox *box, TarMember *member, GError **error);
GBytes *tar_box_content(TarBox *box, GError **error);
void tar_box_close(TarBox *box);

/* Whether the file begins as a tar archive does. */
gboolean tar_box_recognizes(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarBox, tar_box_close)
