/* memory: how much of it the process may still take. */
#pragma once
#include <glib.h>

/* The minimum of what the machine has available (MemAvailable), what the cgroup's limit leaves (v2 and v1,
 * its page cache counted as free) and what RLIMIT_AS leaves, in bytes; G_MAXSIZE if unknown. */
gsize memory_available(void);

/* "1.90 GB" or "7.3 MB". Caller frees. */
char *memory_text(gsize bytes);

/* FALSE with a sentence "WHAT needs 1.90 GB of memory, but only 0.82 GB are available; REMEDY" if it
 * cannot fit. */
gboolean memory_check(gsize needed, const char *what, const char *remedy, GError **error);

/* Ends the program in a sentence (fatal.h) where so much cannot be mapped now: before a library, WHAT, that crashes or
 * tries for ever where it gets none. */
void memory_need(gsize bytes, const char *what);
