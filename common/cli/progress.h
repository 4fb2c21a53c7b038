/* progress: a bar with rate and time left, as wide as the terminal has room for; a plain line every half minute where
 * there is no terminal, it is a dumb one, or stdout is a pipe. On stderr, silent under --quiet. Messages printed by cli.h in
 * the meantime do not break the bar. Safe from several threads. */
#pragma once
#include <glib.h>

typedef struct Progress Progress;
Progress *progress_new(const char *label, guint64 total, const char *unit); /* "Extracting", 6380, "images" */
void progress_tick(Progress *progress, guint64 done); /* this many more are done; progress may be NULL */
/* Replaces the part after the bar, such as "loss 0.52  accuracy 0.83", from the next tick on; NULL for
 * rate and time left. */
void progress_note(Progress *progress, const char *note);
char *progress_clock(double seconds);   /* "1:02:03" or "4:05"; caller frees */
void progress_free(Progress *progress); /* erases the bar; NULL allowed */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
