/* seal: a checksum at the end of a file, so that truncation or alteration is detected before it is read.
 *
 *     ┌──────────────┬──────────────────┬───┬──────────────────┬────┐
 *     │ the content  │ vggcache-xxh3-64 │ ␠ │ 0123456789abcdef │ \n │
 *     └──────────────┴──────────────────┴───┴──────────────────┴────┘
 *                                            XXH3-64 of the content, in hex
 *
 * Readers of HDF5 (h5py, Keras) ignore what follows the file's content. A program that opens the file for writing
 * removes the seal, as the file is then no longer what was saved. */
#pragma once
#include <glib.h>
#include <stdio.h>

/* Appends the seal to a file open for reading and writing, and flushes it. FALSE and errno on failure. */
gboolean seal_write(FILE *stream);

/* FALSE and an error that begins with path if the file does not end with a seal of the content before it. */
gboolean seal_check(FILE *stream, const char *path, GError **error);
