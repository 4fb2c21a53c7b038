/* fatal: ends the program with one sentence if it cannot continue.
 *
 * GLib, and the libraries on top of it, stop a process by a signal and a core file where memory or a thread is not to
 * be had (g_error); others crash where a small allocation fails (allocation.c). Here that is a failure like any other:
 * "PROGRAM: SENTENCE" on stderr, temporaries removed, exit status 1. What is committed stays. */
#pragma once
#include <glib.h>

/* From now on, for the whole process. program outlives it. */
void fatal_install(const char *program);

/* Ends for want of so many bytes. At any time, from any thread, with any lock held. */
G_NORETURN void fatal_no_memory(gsize bytes);

/* From then on a warning of the library that GLib knows as domain sets *warned, and is not on stderr. One library. */
void fatal_watch(const char *domain, gint *warned);

/* In a child process: the sentence, cut to size bytes, goes to memory instead of stderr; NULL: nowhere. */
void fatal_redirect(char *memory, gsize size);
