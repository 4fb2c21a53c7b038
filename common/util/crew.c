/* crew: see crew.h. Tasks are handed out by an atomic counter; the mutex is taken twice a run, not once a
 * task. */
#include "common/util/crew.h"

#include <sched.h>
#include <stdio.h>

struct Crew {
    guint threads;
    GThread **members; /* threads - 1: the caller is worker 0 */
    GMutex mutex;
    GCond start, done;
    guint run;  /* number of the run under way; a change wakes the members */
    guint busy; /* members that still work on it */
    gboolean leaving;

    CrewTask task;
    gpointer data;
    guint tasks;
    guint next; /* atomic */
};

typedef struct {
    Crew *crew;
    guint worker;
} Member;

static void work(Crew *crew, guint worker)
{
    for (;;) {
        guint task = (guint)g_atomic_int_add(&crew->next, 1);
        if (task >= crew->tasks)
            return;
        crew->task(task, worker, crew->data);
    }
}

static gpointer member_main(gpointer argument)
{
    g_autofree Member *member = argument;
    Crew *crew = member->crew;
    guint seen = 0;
    g_mutex_lock(&crew->mutex);
    for (;;) {
        while (crew->run == seen && !crew->leaving)
            g_cond_wait(&crew->start, &crew->mutex);
        if (crew->leaving)
            break;
        seen = crew->run;
        g_mutex_unlock(&crew->mutex);
        work(crew, member->worker);
        g_mutex_lock(&crew->mutex);
        if (--crew->busy == 0)
            g_cond_signal(&crew->done);
    }
    g_mutex_unlock(&crew->mutex);
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

guint crew_processors(void)
{
    cpu_set_t set;
    guint n = sched_getaffinity(0, sizeof set, &set) == 0 ? (guint)CPU_COUNT(&set) : g_get_num_processors();
    guint quota = cgroup_quota();
    return MAX(1, quota ? MIN(n, quota) : n);
}

Crew *crew_new(guint threads)
{
    g_return_val_if_fail(threads >= 1, NULL);
    Crew *crew = g_new0(Crew, 1);
    crew->threads = threads;
    g_mutex_init(&crew->mutex);
    g_cond_init(&crew->start);
    g_cond_init(&crew->done);
    crew->members = g_new0(GThread *, threads);
    for (guint i = 1; i < threads; i++) {
        Member *member = g_new(Member, 1);
        *member = (Member){crew, i};
        crew->members[i - 1] = g_thread_new("crew", member_main, member);
    }
    return crew;
}

void crew_free(Crew *crew)
{
    if (!crew)
        return;
    g_mutex_lock(&crew->mutex);
    crew->leaving = TRUE;
    g_cond_broadcast(&crew->start);
    g_mutex_unlock(&crew->mutex);
    for (guint i = 0; i + 1 < crew->threads; i++)
        g_thread_join(crew->members[i]);
    g_free(crew->members);
    g_cond_clear(&crew->done);
    g_cond_clear(&crew->start);
    g_mutex_clear(&crew->mutex);
    g_free(crew);
}

guint crew_threads(const Crew *crew)
{
    return crew->threads;
}

void crew_run(Crew *crew, guint tasks, CrewTask task, gpointer data)
{
    g_mutex_lock(&crew->mutex);
    crew->task = task;
    crew->data = data;
    crew->tasks = tasks;
    g_atomic_int_set(&crew->next, 0);
    crew->busy = crew->threads - 1;
    crew->run++;
    g_cond_broadcast(&crew->start);
    g_mutex_unlock(&crew->mutex);
    work(crew, 0);
    g_mutex_lock(&crew->mutex);
    while (crew->busy)
        g_cond_wait(&crew->done, &crew->mutex);
    g_mutex_unlock(&crew->mutex);
}
