/* subprocess: starting and ending child processes. Untrusted work runs in one of sandbox.h. */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* fork(): 0 in the child, which ends with this process, leaves no core file, and is silent about fatal errors; -1 with
 * errno on failure. */
pid_t subprocess_fork(void);
/* In such a child: closes all inherited file descriptors except these two, which become numbers 3 and 4 (file: -1 for
 * none), empties the environment, and ignores Ctrl-C and schedulers' signals, which reach all processes of a group and are
 * handled by the parent. */
enum { SUBPROCESS_SOCKET = 3, SUBPROCESS_FILE = 4 };
void subprocess_detach(int socket, int file);
/* Waits for a child; returns waitpid's status. */
int subprocess_wait(pid_t child);
