/* process_pool: see process_pool.h. */
#include "train/linear/process_pool.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_UP_MS = 200 }; /* between checks whether to stop */

/* A worker's main loop: takes the next task from the shared counter until there is none, and writes a byte to the pipe
 * for each task done. */
static G_GNUC_NORETURN void worker_main(gint *next, guint tasks, ProcessTask task, gpointer data, int done)
{
    signal(SIGINT, SIG_IGN); /* a terminal sends it to all: the parent decides */
    signal(SIGTERM, SIG_DFL);
    for (;;) {
        guint number = (guint)g_atomic_int_add(next, 1);
        if (number >= tasks)
            _exit(0);
        task(number, data);
        if (write(done, "", 1) != 1)
            _exit(1);
    }
}

/* Until every worker has closed its end of the pipe. FALSE when interrupted. */
static gboolean wait_for_bytes(int pipe, Progress *progress)
{
    char bytes[256];
    struct pollfd ready = {pipe, POLLIN, 0};
    while (!interrupted()) {
        if (poll(&ready, 1, LOOK_UP_MS) <= 0)
            continue; /* time is up, or a signal came */
        gssize n = read(pipe, bytes, sizeof bytes);
        if (n == 0 || (n < 0 && errno != EINTR))
            return TRUE;
        if (n > 0)
            progress_tick(progress, (guint64)n);
    }
    return FALSE;
}

static gboolean reap(const pid_t *workers, guint count, GError **error)
{
    gboolean well = TRUE;
    for (guint i = 0; i < count; i++) {
        int status = subprocess_wait(workers[i]);
        if (!well || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
            continue;
        well = FALSE;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                        "a worker process was killed, most likely for lack of memory; try fewer --threads");
        else
            g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                        "a worker process died (%s); try --threads 1",
                        WIFSIGNALED(status) ? g_strsignal(WTERMSIG(status)) : "out of memory");
    }
    return well;
}

gboolean process_pool_run(guint workers, guint tasks, ProcessTask task, gpointer data, Progress *progress,
                          GError **error)
{
    workers = CLAMP(workers, 1, MAX(1, tasks));
    g_autofree pid_t *pids = g_new(pid_t, workers);
    guint started = 0;
    int ends[2];
    gint *next = subprocess_memory(sizeof *next, error);
    if (!next)
        return FALSE;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        subprocess_memory_free(next, sizeof *next);
        g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, "cannot make a pipe: %s",
                    g_strerror(errno));
        return FALSE;
    }
    int failure = 0;
    while (started < workers && !failure) {
        pid_t pid = subprocess_fork(); /* the parent reports why one ended */
        if (pid == 0)
            worker_main(next, tasks, task, data, ends[1]);
        if (pid < 0)
            failure = errno;
        else
            pids[started++] = pid;
    }
    close(ends[1]);
    /* One worker is enough: it takes over the others' share. */
    gboolean whole = started > 0 && wait_for_bytes(ends[0], progress);
    close(ends[0]);
    for (guint i = 0; i < started && !whole; i++)
        kill(pids[i], SIGKILL);
    GError *death = NULL;
    gboolean well = reap(pids, started, &death);
    subprocess_memory_free(next, sizeof *next);
    if (whole && well)
        return TRUE;
    if (whole)
        g_propagate_error(error, death);
    else {
        g_clear_error(&death);
        g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, "%s",
                    started ? "interrupted" : g_strerror(failure));
    }
    return FALSE;
}
