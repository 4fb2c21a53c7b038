/* image_file: from the path of an image file to its pixels, for every program.
 *
 * Refuses anything other than regular files (a pipe would block for ever), and files over IMAGE_FILE_MAX. If the
 * machine causes the failure (too many open files, no memory, a failing disk), the error is IMAGE_ERROR_MACHINE: the
 * image may be fine, and the caller should stop.
 *
 * Safe to call from several threads at once. */
#pragma once
#include "common/image/image.h"

/* Starts libvips and the decoder box (decoder_box.h), in which files are decoded. Once per process that decodes images,
 * before threads start and before what decoders must not see is mapped: they inherit the memory of this moment. FALSE and
 * error if no process can be started. */
gboolean image_file_startup(const char *program, GError **error);

#define IMAGE_FILE_MAX ((gsize)1 << 30) /* bytes */

/* The contents of a file. NULL and a reason for "NAME: REASON". */
GBytes *image_file_read(const char *path, GError **error);

/* Decodes the result of image_file_read (image_decode, with the default limit on pixels) to rgb (side, side, 3).
 * remark: NULL, or receives that of ImageFacts, unchecked words of a decoder, or NULL; the caller frees it. FALSE and a
 * reason as above. */
gboolean image_file_decode_content(GBytes *content, const Decoding *how, guint8 *rgb, char **remark,
                                   GError **error);

/* Both. On success *content (content may be NULL) is the file's bytes, which the caller unrefs. */
gboolean image_file_decode(const char *path, const Decoding *how, guint8 *rgb, GBytes **content,
                           GError **error);

/* Size, brightness and sharpness of the whole image. FALSE and a reason as above. */
gboolean image_file_measure(const char *path, ImageFacts *facts, GError **error);

/* How many images of this process were rotated by EXIF's orientation. */
guint image_file_turned(void);
