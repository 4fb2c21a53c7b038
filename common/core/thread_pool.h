/* thread_pool: a fixed set of threads that share numbered tasks, for work split into pieces of about a millisecond.
 *
 * The caller's thread works too, so a thread pool of one has no other thread. Which worker gets which task
 * is not determined: results must not depend on it. `worker` serves to pick scratch memory. */
#pragma once
#include <glib.h>

typedef struct ThreadPool ThreadPool;
typedef void (*ThreadPoolTask)(guint task, guint worker, gpointer data);

/* Processors this process may use: affinity, and the CPU quotas of its cgroup and of those above it (v2 and v1), respected;
 * at least 1. */
guint thread_pool_processors(void);

/* The smallest of these quotas, in processors: of the cgroup that /proc/self/cgroup's text names, below the folder where
 * cgroups are mounted (NULL: of this process's); INFINITY where there is none. */
double thread_pool_quota(const char *mounted, const char *text);

/* threads >= 1. They are started by the first run; GLib aborts if one cannot be. */
ThreadPool *thread_pool_new(guint threads);
void thread_pool_free(ThreadPool *thread_pool);
guint thread_pool_threads(const ThreadPool *thread_pool);

/* Runs task(0 … tasks-1), each once, and returns when all are done. Not to be called from within a task. */
void thread_pool_run(ThreadPool *thread_pool, guint tasks, ThreadPoolTask task, gpointer data);

/* The number of parts of at most `max` that `total` divides into. */
static inline guint parts_of(gsize total, gsize max)
{
    return (guint)((total + max - 1) / max);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ThreadPool, thread_pool_free)
