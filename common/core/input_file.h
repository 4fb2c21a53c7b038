/* input_file: opens a file that a program reads by its name. It must be a regular file, behind links or not: opening a
 * named pipe or a device could wait for ever, or do something. A text may also come through a pipe that this process
 * inherited ("/dev/stdin", a shell's "<(COMMAND)"); waiting for it ends at the first Ctrl-C.
 *
 * Also what names say: whether one is an image's, where it leads, and which there are in a folder.
 *
 * The errors, in VGGCACHE_ERROR, begin with the path. */
#pragma once
#include <glib.h>
#include <stdio.h>

/* A descriptor, closed on exec; -1 and error on failure. */
int input_file_open(const char *path, GError **error);

/* The same as a stream; NULL and error on failure. */
FILE *input_file_stream(const char *path, GError **error);

/* The whole text, of *size bytes (NULL allowed) and followed by a NUL; NULL and error on failure. Caller frees. */
char *input_file_text(const char *path, gsize *size, GError **error);

/* The same of a list or table, without a byte order mark; refuses a NUL, which would end it unseen. */
char *input_file_plain(const char *path, GError **error);

/* The ending of an image's name (".jpg", in any case), within it; NULL for the name of another file. */
const char *input_image_ending(const char *path);

/* Whether a relative path stays below its folder. */
gboolean input_path_stays(const char *path);

/* Names in a folder (char*) but "." and "..", in byte order; NULL and error if one of them could not be read. */
GPtrArray *input_folder_names(const char *path, GError **error);
