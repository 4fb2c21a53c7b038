/* interrupt: a clean end on request.
 *
 * SIGINT and SIGTERM ask for a clean end: the first sets a flag that loops look at, the second kills.
 * An interrupted program keeps what it has, says in a sentence how to continue, and returns STATUS_FAILED. */
#pragma once
#include <glib.h>

void interrupt_install(void);
gboolean interrupted(void);
