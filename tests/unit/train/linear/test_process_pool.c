/* Worker processes: each task runs once for any number of workers; failures of workers. */
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/subprocess.h"
#include "train/linear/process_pool.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 100 };

typedef struct {
    gint times[TASKS];
    guint results[TASKS];
    pid_t pids[TASKS];
} Shared;

static void count_task(guint task, gpointer data)
{
    Shared *shared = data;
    g_atomic_int_inc(&shared->times[task]);
    srand(task);
    shared->results[task] = (guint)rand();
    shared->pids[task] = getpid();
    g_usleep(200);
}

static void test_once_each(void)
{
    guint expected[TASKS];
    for (guint i = 0; i < TASKS; i++) {
        srand(i);
        expected[i] = (guint)rand();
    }
    for (guint workers = 1; workers <= 7; workers += 2) {
        Shared *shared = subprocess_memory(sizeof *shared, NULL);
        GError *error = NULL;
        g_assert_true(process_pool_run(workers, TASKS, count_task, shared, NULL, &error));
        g_assert_no_error(error);
        for (guint i = 0; i < TASKS; i++) {
            g_assert_cmpint(shared->times[i], ==, 1);
            g_assert_cmpuint(shared->results[i], ==, expected[i]);
            g_assert_cmpint(shared->pids[i], !=, getpid());
        }
        subprocess_memory_free(shared, sizeof *shared);
    }
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1); /* none is left */
}

static void test_nothing_to_do(void)
{
    GError *error = NULL;
    g_assert_true(process_pool_run(3, 0, count_task, NULL, NULL, &error));
    g_assert_no_error(error);
}

static void dying_task(guint task, gpointer data)
{
    if (task == 5)
        raise(*(int *)data);
}

static void test_death(void)
{
    int signals[] = {SIGKILL, SIGTERM};
    const char *words[] = {"killed, most likely for lack of memory", "died"};
    for (int i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(process_pool_run(2, 10, dying_task, &signals[i], NULL, &error));
        g_assert_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, words[i]));
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    }
}

static void interrupting_task(guint task, gpointer data)
{
    if (task == 0)
        kill(getppid(), SIGINT);
    g_usleep(60 * G_USEC_PER_SEC);
}

static void test_interrupt(void)
{
    if (g_test_subprocess()) {
        g_autoptr(GError) error = NULL;
        interrupt_install();
        g_assert_false(process_pool_run(2, 2, interrupting_task, NULL, NULL, &error));
        g_assert_nonnull(strstr(error->message, "interrupted"));
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
        return;
    }
    g_test_trap_subprocess(NULL, 20 * G_USEC_PER_SEC, 0);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process pool/each task is done once, with the same results for any number of workers",
                    test_once_each);
    g_test_add_func("/process pool/no task is no failure", test_nothing_to_do);
    g_test_add_func("/process pool/a worker that dies is an error, and none is left behind", test_death);
    g_test_add_func("/process pool/an interrupt ends the workers at once", test_interrupt);
    return g_test_run();
}
