/* fatal: ends the program with one message if it cannot continue.
 *
 * GLib, and libraries based on it, abort with a core file if memory or a thread is not available (g_error); others
 * crash if a small allocation fails (allocation.c). Here these are ordinary failures: "PROGRAM: SENTENCE" on stderr,
 * temporary files removed, exit status 1. Committed data stay. */
#pragma once
#include <glib.h>

/* Installs this for the whole process. program must stay valid. */
void fatal_install(const char *program);

/* Ends the program because this many bytes are missing. May be called at any time, from any thread, with any lock
 * held. */
G_NORETURN void fatal_no_memory(gsize bytes);

/* From then on, a warning in this GLib log domain sets *warned and is not printed. Only one domain. */
void fatal_watch(const char *domain, gint *warned);

/* In a child process: without a message from then on. */
void fatal_silence(void);
