/* fatal: ends the program with one message if it cannot continue.
 *
 * GLib, and libraries based on it, abort with a core file if memory or a thread is not available (g_error). Here these are
 * ordinary failures: "PROGRAM: SENTENCE" on stderr, temporary files removed, exit status 1. Committed data stay.
 * The same if an allocation of a megabyte or less fails, whoever makes it: most libraries do not check these, and GLib
 * needs memory to say that there is none. Texts of megabytes are therefore not formatted: GLib's printf aborts.
 * The same if bytes of a mapped file (LMDB's) are not there when they are used, which the kernel tells by SIGBUS: the
 * message names the file. */
#pragma once
#include <glib.h>

/* Installs this for the whole process; processes that it forks end without a message. program must stay valid. */
void fatal_install(const char *program);

/* From then on, a warning in this GLib log domain sets *warned and is not printed. Only one domain. */
void fatal_watch(const char *domain, gint *warned);
