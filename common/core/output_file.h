/* output_file: a file that a user named, written whole or not at all.
 *
 *     what is at the path          what happens to it
 *     nothing, a regular file      a temporary beside it is written, synced and renamed; a file that is replaced
 *                                  keeps its mode
 *     a symbolic link              the file that it leads to is replaced, the link stays
 *     a device, a FIFO,            the content as last committed goes straight to it, once, when the program ends
 *     /dev/stdout, /dev/fd/N       (output_file_finish): a reader gets one whole file however often it was written
 *
 * Whether a path may be written at all is decided beforehand: output_plan.h. Not thread-safe. */
#pragma once
#include <glib.h>
#include <stdio.h>

typedef struct OutputFile OutputFile;

/* NULL and a sentence that begins with path where the file cannot be made. */
OutputFile *output_file_open(const char *path, GError **error);

/* For writing, reading back and seeking; an interrupted write is taken up again. Has no file descriptor. */
FILE *output_file_stream(OutputFile *file);

/* Both free file. A failed commit says why, leaves nothing behind, and what was at path before stays. */
gboolean output_file_commit(OutputFile *file, GError **error);
void output_file_discard(OutputFile *file);

/* All at once. */
gboolean output_file_write(const char *path, const void *bytes, gsize size, GError **error);

/* Passes on what was committed to paths that are no regular files. */
gboolean output_file_finish(GError **error);

/* Where what was last committed to path can be read: path, or a name of what waits for output_file_finish. Caller
 * frees. */
char *output_file_content(const char *path);

/* Removes what writers of path that were killed left behind: its temporaries whose process is no more,
 * or had the number of this one. For before path is written. */
void output_file_sweep(const char *path);

/* Removes the temporaries of what this process is writing: for an end without warning. Takes no memory. */
void output_file_abandon(void);

/* What a path leads to. */
typedef struct {
    char *regular;  /* the regular file behind all links, which need not exist; NULL: something else */
    int descriptor; /* of this process, where path names one (/dev/stdout); else -1 */
} OutputTarget;

/* FALSE with errno where it leads nowhere: a loop of links, a folder. regular is freed by the caller. */
gboolean output_target_find(const char *path, OutputTarget *target);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputFile, output_file_discard)
