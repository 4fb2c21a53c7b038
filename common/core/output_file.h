/* output_file: a file named by the user, written completely or not at all.
 *
 *     the path is                  what is done
 *     missing, a regular file      a temporary file beside it is written, synced and renamed; a replaced file's mode is
 *                                  kept
 *     a symbolic link              the file that it leads to is replaced, the link stays
 *     a device, a FIFO,            the content last committed is written to it, once, when the program ends
 *     -, /dev/stdout, /dev/fd/N    (output_file_finish), so that a reader gets one complete file
 *
 * output_plan.h decides beforehand whether a path may be written. Not thread-safe. */
#pragma once
#include <glib.h>
#include <stdio.h>

typedef struct OutputFile OutputFile;

/* NULL and an error that begins with path if the file cannot be created. What killed writers left of it is removed. */
OutputFile *output_file_open(const char *path, GError **error);

/* For writing, reading back and seeking; interrupted writes are resumed. Has no file descriptor. */
FILE *output_file_stream(OutputFile *file);

/* Cuts it off, or fills it up with zeros. FALSE and errno on failure. */
gboolean output_file_resize(OutputFile *file, gsize size);

/* Both free file. A failed commit sets error, leaves no temporary file, and does not change an existing file. */
gboolean output_file_commit(OutputFile *file, GError **error);
void output_file_discard(OutputFile *file);

/* All at once. */
gboolean output_file_write(const char *path, const void *bytes, gsize size, GError **error);

/* Writes what was committed to paths that are not regular files. */
gboolean output_file_finish(GError **error);

/* Whether path, which may be NULL, names standard output, where its content then stands alone. */
gboolean output_file_is_stdout(const char *path);

/* A path from which the content last committed to path can be read: path, or a name for what waits for
 * output_file_finish. Caller frees. */
char *output_file_content(const char *path);

/* Removes temporary files left by killed writers of path: those whose process no longer exists, or had this one's id.
 * output_file_open does so; here for files that may then not be written. */
void output_file_sweep(const char *path);

/* Removes the temporary files that this process is writing, for a sudden end. Allocates no memory. */
void output_file_abandon(void);

/* The target of a path. */
typedef struct {
    char *regular;  /* the regular file behind all links, which need not exist; NULL: something else */
    int descriptor; /* of this process, if path names one (/dev/stdout); else -1 */
} OutputTarget;

/* FALSE with errno if it has no valid target: a loop of links, a folder, what a process has in /proc (/proc/self/exe)
 * other than this one's descriptors. Caller frees regular. */
gboolean output_target_find(const char *path, OutputTarget *target);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputFile, output_file_discard)
