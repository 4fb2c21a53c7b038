/* interrupt: stopping cleanly on request.
 *
 * SIGINT, SIGTERM and SIGUSR1 (by which schedulers announce that time is up) ask for a clean end: the first of each
 * kind sets a flag that loops check, the second kills. An interrupted program keeps what it has, says in a sentence how
 * to continue, and returns STATUS_FAILED. */
#pragma once
#include <glib.h>

void interrupt_install(void);
gboolean interrupted(void);
