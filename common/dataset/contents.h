/* contents: the bytes of a dataset's images: files in a folder, or members of a tar archive, which is streamed.
 *
 * The caller declares in advance what it will read. A folder can be read in any order. An archive is read once, in its own
 * order, from the first to the last declared member. Memory holds the images that threads are waiting for, and earlier ones
 * in the archive that other threads will ask for. */
#pragma once
#include "common/dataset/dataset.h"

typedef struct Contents Contents;

/* Opens the items of these n indices, possibly with repetitions; indices NULL: all n of the dataset, which is borrowed until
 * contents_close. From now on they are numbered in the order of reading: as given, or the archive's. NULL and error if the
 * archive cannot be opened. */
Contents *contents_open(const Dataset *dataset, const guint *indices, guint n, GError **error);
void contents_close(Contents *contents);

DatasetItem *contents_item(const Contents *contents, guint i);
guint contents_index(const Contents *contents, guint i); /* its number in the dataset */

/* The content of item i, like image_file_read: NULL and a reason for "PATH: REASON" in IMAGE_ERROR.
 * IMAGE_ERROR_ARCHIVE ends all reading. Call it once
 * per i, in roughly increasing order; from any thread. */
GBytes *contents_read(Contents *contents, guint i, GError **error);

/* Reads it for its hash alone, which the item gets; FALSE if it cannot be read. */
gboolean contents_hash(Contents *contents, guint i);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contents, contents_close)
