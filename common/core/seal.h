/* seal: a checksum at the end of a file, so that truncation or alteration is detected before it is read.
 *
 *     ┌──────────────┬──────────────────┬───┬──────────────────┬────┐
 *     │ the content  │ vggcache-xxh3-64 │ ␠ │ 0123456789abcdef │ \n │
 *     └──────────────┴──────────────────┴───┴──────────────────┴────┘
 *                                            XXH3-64 of the content, in hex
 *
 * Behind an HDF5 file it lies where HDF5's readers (h5py, Keras) do not look. A program that opens the file
 * for writing drops it, as it should: the file is then no longer what was saved. */
#pragma once
#include <glib.h>
#include <stdio.h>

/* Appends the seal to a file open for reading and writing, and flushes it. FALSE and errno where that fails. */
gboolean seal_write(FILE *stream);

/* FALSE and a sentence that begins with path where the file does not end with a seal of what comes before it. */
gboolean seal_check(FILE *stream, const char *path, GError **error);
