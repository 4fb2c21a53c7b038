/* crew: a fixed set of threads that share out numbered tasks, for work cut into pieces of about a millisecond.
 *
 * The caller's thread works too, so a crew of one has no other thread. Which worker gets which task is left to
 * chance: a task must not let its result depend on it. `worker` serves to pick scratch memory. */
#pragma once
#include <glib.h>

typedef struct Crew Crew;
typedef void (*CrewTask)(guint task, guint worker, gpointer data);

/* Processors this process may use: affinity and the cgroup's CPU quota respected; at least 1. */
guint crew_processors(void);

/* threads >= 1. Never fails: a thread that cannot be started aborts, as GLib does. */
Crew *crew_new(guint threads);
void crew_free(Crew *crew);
guint crew_threads(const Crew *crew);

/* Runs task(0 … tasks-1), each once, and returns when all are done. Not to be called from within a task. */
void crew_run(Crew *crew, guint tasks, CrewTask task, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Crew, crew_free)
