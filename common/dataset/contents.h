/* contents: the bytes of a dataset's images, wherever they are stored: files in a folder, or members of a tar archive,
 * which is streamed.
 *
 * Whoever reads says beforehand in which order. From a folder any order will do. An archive has one of its own
 * (contents_order), and is read in it once, from the first member asked for to the last, whichever thread asks. In memory
 * are the images that threads have asked for, and those before them in the archive that others are about to. */
#pragma once
#include "common/dataset/dataset.h"

typedef struct Contents Contents;

/* Sorts indices of items into the order in which they are to be read. Nothing to do for a folder. */
void contents_order(const Dataset *dataset, guint *indices, guint n);

/* To read items indices[0 … n-1], sorted by contents_order, an item as often as it stands there. dataset and indices are
 * borrowed until contents_close. NULL and error where the archive cannot be opened. */
Contents *contents_open(const Dataset *dataset, const guint *indices, guint n, GError **error);
void contents_close(Contents *contents);

const DatasetItem *contents_item(const Contents *contents, guint i); /* indices[i] */

/* All of item indices[i], as image_file_read gives it: NULL with a reason for "PATH: REASON" in IMAGE_ERROR, of which
 * IMAGE_ERROR_MACHINE ends all reading, an archive that changed or cannot be read on included. Each i once, in about
 * increasing order; from any thread. */
GBytes *contents_read(Contents *contents, guint i, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contents, contents_close)
