/* contents: the bytes of a dataset's images: files in a folder, or members of a tar archive, which is streamed.
 *
 * The caller declares the order of reading in advance. A folder can be read in any order. An archive is read once, in
 * its own order (contents_order), from the first to the last declared member. Memory holds the images that threads
 * are waiting for, and earlier ones in the archive that other threads will ask for. */
#pragma once
#include "common/dataset/dataset.h"

typedef struct Contents Contents;

/* Sorts indices of items into the order of reading. Does nothing for a folder. */
void contents_order(const Dataset *dataset, guint *indices, guint n);

/* Opens items indices[0 … n-1], sorted by contents_order, possibly with repetitions; indices NULL: all n of the dataset.
 * dataset and indices are borrowed until contents_close. NULL and error if the archive cannot be opened. */
Contents *contents_open(const Dataset *dataset, const guint *indices, guint n, GError **error);
void contents_close(Contents *contents);

DatasetItem *contents_item(const Contents *contents, guint i); /* indices[i] */
guint contents_index(const Contents *contents, guint i);       /* its number in the dataset */

/* The content of item indices[i], like image_file_read: NULL and a reason for "PATH: REASON" in IMAGE_ERROR.
 * IMAGE_ERROR_ARCHIVE ends all reading. Call it once
 * per i, in roughly increasing order; from any thread. */
GBytes *contents_read(Contents *contents, guint i, GError **error);

/* Reads it for its hash alone, which the item gets; FALSE if it cannot be read. */
gboolean contents_hash(Contents *contents, guint i);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contents, contents_close)
