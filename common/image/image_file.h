/* image_file: an image file's bytes in memory, for image_decode. Refuses what is no regular file (a pipe
 * would block for ever) and what is larger than an image file can reasonably be. */
#pragma once
#include <glib.h>

#define IMAGE_FILE_MAX ((gsize)1 << 30) /* bytes */

/* NULL with a reason without the file's name, fit for "NAME: REASON". */
GBytes *image_file_read(const char *path, GError **error);
