/* interrupt: clean termination by signals.
 *
 * SIGINT, SIGTERM and SIGUSR1 (the schedulers' warning before a time limit) request a clean end: the first of each
 * kind sets a flag that loops check, the second one kills. An interrupted program keeps its results so far, prints
 * how to continue, and returns STATUS_FAILED; by SIGINT, it ends by that signal (cli_main). Ctrl-C on a terminal is
 * answered at once. */
#pragma once
#include <glib.h>

void interrupt_install(gboolean answers); /* FALSE: as --quiet asks */
gboolean interrupted(void);
gboolean interrupted_by_keyboard(void); /* by SIGINT, Ctrl-C */
