/* atomic_file: text or bytes written whole or not at all: to a temporary in the same folder, synced, renamed. */
#pragma once
#include <glib.h>

/* FALSE with a sentence that names the file; nothing is left behind then and what was there before stays. */
gboolean atomic_file_write(const char *path, const void *bytes, gsize size, GError **error);

/* For writers that need a name to write to: a temporary name beside path (caller frees), then its sync and
 * rename. */
char *atomic_file_temporary(const char *path);
gboolean atomic_file_commit(const char *temporary, const char *path,
                            GError **error); /* removes temporary on failure */

/* Removes what writers of path that were killed left behind: its temporaries whose process is no more. */
void atomic_file_sweep(const char *path);
