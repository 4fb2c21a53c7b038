/* subprocess: runs a function in a child process, for a library that crashes or never returns on damaged files.
 *
 * Measured with libhdf5 1.10.8 on 4,000 copies of a small file with one to three bytes changed at random: 27 made it
 * crash, 3 made it hang. Call it while no other thread of the process uses GLib's or malloc's locks. */
#pragma once
#include <glib.h>
#include <sys/types.h>

typedef gboolean (*SubprocessTask)(gpointer data, GError **error);

/* Runs task(data) in a child process and returns its result, with its error (domain VGGCACHE_ERROR). If the child
 * crashes, or uses more than this many seconds of processor time, FALSE and "SUBJECT: …". Changes to memory are lost,
 * except to subprocess_memory allocated before. */
gboolean subprocess_run(SubprocessTask task, gpointer data, guint seconds, const char *subject,
                        GError **error);

/* ---- Starting a process ---- */

/* fork(): 0 in the child, which ends with this process, leaves no core file, and writes fatal errors to sentence
 * (size bytes of shared memory; NULL: discarded) instead of stderr; -1 with errno on failure. */
pid_t subprocess_fork(char *sentence, gsize size);
/* In such a child: closes all inherited file descriptors except this one, which becomes number 3 and is returned; and
 * ignores Ctrl-C and schedulers' signals, which reach all processes of a group and are handled by the parent. */
int subprocess_detach(int kept);
/* Waits for a child; returns waitpid's status. */
int subprocess_wait(pid_t child);

/* Zeroed memory shared with children. NULL and error without memory. */
gpointer subprocess_memory(gsize size, GError **error);
void subprocess_memory_free(gpointer memory, gsize size); /* NULL allowed */
