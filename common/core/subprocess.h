/* subprocess: runs a function in a process of its own, for a library that crashes or never returns on a
 * damaged file.
 *
 * Measured with libhdf5 1.10.8, 4,000 copies of a small file with one to three bytes changed at random: 27
 * crashed it, 3 hung it. Call while no other thread of the process runs code that takes GLib's or malloc's
 * locks. */
#pragma once
#include <glib.h>
#include <sys/types.h>

typedef gboolean (*SubprocessTask)(gpointer data, GError **error);

/* Returns what task(data) returns in a child process, with its error (domain VGGCACHE_ERROR). If the child
 * crashes, or uses more than this many seconds of processor time, FALSE and "SUBJECT: …". What the task
 * writes to memory is lost, except to subprocess_memory taken before. */
gboolean subprocess_run(SubprocessTask task, gpointer data, guint seconds, const char *subject,
                        GError **error);

/* ---- Starting a process ---- */

/* fork(): 0 in the child, which ends with this process, leaves no core file, and says why it cannot go on in sentence
 * (size bytes of shared memory, or NULL: nowhere) instead of on stderr; -1 with errno where there is no process. */
pid_t subprocess_fork(char *sentence, gsize size);
/* In such a child: of the file descriptors it was given it keeps this one, as number 3, which is returned; and it leaves it to
 * its parent what Ctrl-C and a scheduler's signals mean, which reach all processes of a group. */
int subprocess_detach(int kept);
/* The status of a child that ended, as waitpid has it. */
int subprocess_wait(pid_t child);

/* Zeroed memory that children share. NULL and error where there is none. */
gpointer subprocess_memory(gsize size, GError **error);
void subprocess_memory_free(gpointer memory, gsize size); /* NULL allowed */
