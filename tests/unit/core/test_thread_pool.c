/* The thread pool: each task runs once, whatever the number of threads. */
#include "common/core/thread_pool.h"

static void count_task(guint task, guint worker, gpointer data)
{
    g_atomic_int_inc(&((gint *)data)[task]);
}

static void test_thread_pool_runs_each_task_once(gconstpointer threads)
{
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(GPOINTER_TO_UINT(threads));
    g_assert_cmpuint(thread_pool_threads(thread_pool), ==, GPOINTER_TO_UINT(threads));
    for (guint tasks = 0; tasks < 300; tasks += 1 + tasks / 3) {
        g_autofree gint *counts = g_new0(gint, tasks + 1);
        thread_pool_run(thread_pool, tasks, count_task, counts);
        for (guint i = 0; i < tasks; i++)
            g_assert_cmpint(counts[i], ==, 1);
        g_assert_cmpint(counts[tasks], ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/thread pool/one thread runs each task once", GUINT_TO_POINTER(1),
                         test_thread_pool_runs_each_task_once);
    g_test_add_data_func("/thread pool/five threads run each task once", GUINT_TO_POINTER(5),
                         test_thread_pool_runs_each_task_once);
    return g_test_run();
}
