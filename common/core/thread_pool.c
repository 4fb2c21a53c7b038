/* thread_pool: see thread_pool.h. Tasks are handed out by an atomic counter; the mutex is taken twice a run, not once a
 * task. */
#include "common/core/thread_pool.h"

#include <sched.h>
#include <stdio.h>

struct ThreadPool {
    guint threads;
    GThread **members; /* threads - 1: the caller is worker 0 */
    GMutex mutex;
    GCond start, done;
    guint run;  /* number of the current run; a change wakes the members */
    guint busy; /* members that still work on it */
    gboolean leaving;

    ThreadPoolTask task;
    gpointer data;
    guint tasks;
    guint next; /* atomic */
};

typedef struct {
    ThreadPool *thread_pool;
    guint worker;
} Member;

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
    g_autofree Member *member = argument;
    ThreadPool *thread_pool = member->thread_pool;
    guint seen = 0;
    g_mutex_lock(&thread_pool->mutex);
    for (;;) {
        while (thread_pool->run == seen && !thread_pool->leaving)
            g_cond_wait(&thread_pool->start, &thread_pool->mutex);
        if (thread_pool->leaving)
            break;
        seen = thread_pool->run;
        g_mutex_unlock(&thread_pool->mutex);
        work(thread_pool, member->worker);
        g_mutex_lock(&thread_pool->mutex);
        if (--thread_pool->busy == 0)
            g_cond_signal(&thread_pool->done);
    }
    g_mutex_unlock(&thread_pool->mutex);
    return NULL;
}

/* The cgroup's quota in whole processors (v2 cpu.max, "MAX PERIOD" or "QUOTA PERIOD"), or 0 where there is
 * none. */
static guint cgroup_quota(void)
{
    g_autofree char *text = NULL;
    double quota, period;
    if (!g_file_get_contents("/sys/fs/cgroup/cpu.max", &text, NULL, NULL) ||
        sscanf(text, "%lf %lf", &quota, &period) != 2 || period <= 0)
        return 0;
    return MAX(1, (guint)(quota / period + 0.5));
}

guint thread_pool_processors(void)
{
    cpu_set_t set;
    guint n = sched_getaffinity(0, sizeof set, &set) == 0 ? (guint)CPU_COUNT(&set) : g_get_num_processors();
    guint quota = cgroup_quota();
    return MAX(1, quota ? MIN(n, quota) : n);
}

ThreadPool *thread_pool_new(guint threads)
{
    g_return_val_if_fail(threads >= 1, NULL);
    ThreadPool *thread_pool = g_new0(ThreadPool, 1);
    thread_pool->threads = threads;
    g_mutex_init(&thread_pool->mutex);
    g_cond_init(&thread_pool->start);
    g_cond_init(&thread_pool->done);
    thread_pool->members = g_new0(GThread *, threads);
    for (guint i = 1; i < threads; i++) {
        Member *member = g_new(Member, 1);
        *member = (Member){thread_pool, i};
        thread_pool->members[i - 1] = g_thread_new("thread pool", member_main, member);
    }
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
    for (guint i = 0; i + 1 < thread_pool->threads; i++)
        g_thread_join(thread_pool->members[i]);
    g_free(thread_pool->members);
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
