/* thread_pool: see thread_pool.h. Tasks are handed out by an atomic counter; the mutex is taken twice a run, not once a
 * task. */
#include "common/core/thread_pool.h"

#include "common/core/cgroup.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>

struct ThreadPool {
    guint threads;
    GThread **started; /* threads - 1: the caller is worker 0 */
    GMutex mutex;
    GCond start, done;
    guint run;  /* number of the current run; a change wakes the members */
    guint busy; /* members that still work on it */
    gboolean leaving;

    ThreadPoolTask task;
    gpointer data;
    guint tasks;
    guint next;    /* atomic */
    guint members; /* atomic: that have begun */
};

static void work(ThreadPool *thread_pool, guint worker)
{
    for (;;) {
        guint task = (guint)g_atomic_int_add(&thread_pool->next, 1);
        if (task >= thread_pool->tasks)
            return;
        thread_pool->task(task, worker, thread_pool->data);
    }
}

static gpointer member_main(gpointer argument)
{
    ThreadPool *thread_pool = argument;
    guint seen = 0, worker = 1 + (guint)g_atomic_int_add(&thread_pool->members, 1);
    g_mutex_lock(&thread_pool->mutex);
    for (;;) {
        while (thread_pool->run == seen && !thread_pool->leaving)
            g_cond_wait(&thread_pool->start, &thread_pool->mutex);
        if (thread_pool->leaving)
            break;
        seen = thread_pool->run;
        g_mutex_unlock(&thread_pool->mutex);
        work(thread_pool, worker);
        g_mutex_lock(&thread_pool->mutex);
        if (--thread_pool->busy == 0)
            g_cond_signal(&thread_pool->done);
    }
    g_mutex_unlock(&thread_pool->mutex);
    return NULL;
}

/* The number at the beginning of a group's file and the one that follows it, if any; FALSE where there is none. */
static gboolean read_numbers(const char *folder, const char *name, double *first, double *second)
{
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) && sscanf(text, "%lf %lf", first, second) >= 1;
}

/* A group's quota: microseconds of processor time a period. Version 2 has "QUOTA PERIOD" or "max PERIOD", version 1 a file
 * for each, and -1 for none. */
static void take_quota(const char *folder, gboolean version_2, gpointer user)
{
    double *least = user, quota = 0, period = 0, none;
    gboolean read = version_2 ? read_numbers(folder, "cpu.max", &quota, &period)
                              : read_numbers(folder, "cpu.cfs_quota_us", &quota, &none) &&
                                    read_numbers(folder, "cpu.cfs_period_us", &period, &none);
    if (read && quota > 0 && period > 0)
        *least = MIN(*least, quota / period);
}

double thread_pool_quota(const char *mounted, const char *text)
{
    double least = INFINITY;
    cgroup_visit(mounted, text, "cpu", take_quota, &least);
    return least;
}

guint thread_pool_processors(void)
{
    cpu_set_t set;
    guint n = sched_getaffinity(0, sizeof set, &set) == 0 ? (guint)CPU_COUNT(&set) : g_get_num_processors();
    double quota = round(thread_pool_quota(NULL, NULL));
    return (guint)CLAMP(quota, 1, MAX(1, n));
}

ThreadPool *thread_pool_new(guint threads)
{
    g_return_val_if_fail(threads >= 1, NULL);
    ThreadPool *thread_pool = g_new0(ThreadPool, 1);
    thread_pool->threads = threads;
    g_mutex_init(&thread_pool->mutex);
    g_cond_init(&thread_pool->start);
    g_cond_init(&thread_pool->done);
    thread_pool->started = g_new0(GThread *, threads);
    return thread_pool;
}

void thread_pool_free(ThreadPool *thread_pool)
{
    if (!thread_pool)
        return;
    g_mutex_lock(&thread_pool->mutex);
    thread_pool->leaving = TRUE;
    g_cond_broadcast(&thread_pool->start);
    g_mutex_unlock(&thread_pool->mutex);
    for (guint i = 0; i + 1 < thread_pool->threads && thread_pool->started[i]; i++)
        g_thread_join(thread_pool->started[i]);
    g_free(thread_pool->started);
    g_cond_clear(&thread_pool->done);
    g_cond_clear(&thread_pool->start);
    g_mutex_clear(&thread_pool->mutex);
    g_free(thread_pool);
}

guint thread_pool_threads(const ThreadPool *thread_pool)
{
    return thread_pool->threads;
}

void thread_pool_run(ThreadPool *thread_pool, guint tasks, ThreadPoolTask task, gpointer data)
{
    for (guint i = 0; i + 1 < thread_pool->threads && !thread_pool->started[i]; i++)
        thread_pool->started[i] = g_thread_new("thread pool", member_main, thread_pool);
    g_mutex_lock(&thread_pool->mutex);
    thread_pool->task = task;
    thread_pool->data = data;
    thread_pool->tasks = tasks;
    g_atomic_int_set(&thread_pool->next, 0);
    thread_pool->busy = thread_pool->threads - 1;
    thread_pool->run++;
    g_cond_broadcast(&thread_pool->start);
    g_mutex_unlock(&thread_pool->mutex);
    work(thread_pool, 0);
    g_mutex_lock(&thread_pool->mutex);
    while (thread_pool->busy)
        g_cond_wait(&thread_pool->done, &thread_pool->mutex);
    g_mutex_unlock(&thread_pool->mutex);
}
