/* image_file: from the path of an image file to its pixels, for every program.
 *
 * Anything other than a regular file (a pipe would block for ever), or larger than an image file can reasonably be, is
 * refused. Where the machine and not the file is at fault (too many open files, no memory, a disk that fails), the
 * error is IMAGE_ERROR_MACHINE: the image may be fine, and the caller should stop.
 *
 * Safe to call from several threads at once. */
#pragma once
#include "common/core/memory.h"
#include "common/image/image.h"

/* Starts libvips and the box in which files are decoded from then on (decoder_box.h). Once a process, before threads
 * start. FALSE and a sentence where no process can be started. Without it, after image_startup alone, files are decoded
 * in the threads that ask. */
gboolean image_file_startup(const char *program, GError **error);

/* Of decoding ordinary photographs in so many threads at once. A large one takes more while it is decoded. */
MemoryNeed image_file_memory(guint threads);

#define IMAGE_FILE_MAX ((gsize)1 << 30) /* bytes */

/* All of a file, in memory. NULL with a reason without the file's name, fit for "NAME: REASON". */
GBytes *image_file_read(const char *path, GError **error);

/* Decodes what image_file_read gave (image_decode, with the default pixel budget) into rgb (side, side, 3). FALSE with a
 * reason as above. */
gboolean image_file_decode_content(GBytes *content, Preset preset, int side, guint8 *rgb, GError **error);

/* Both. content, unless NULL, receives the file's bytes, which the caller unrefs, on success only. */
gboolean image_file_decode(const char *path, Preset preset, int side, guint8 *rgb, GBytes **content,
                           GError **error);
