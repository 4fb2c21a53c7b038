/* The thread pool: each task runs once, whatever the number of threads; and what cgroups leave of the processors. */
#include "common/core/thread_pool.h"
#include "tests/unit/fixture.h"

#include <math.h>

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

static void test_quotas_of_version_2(void)
{
    scratch_make();
    put_in_group("job/task", "cpu.max", "max 100000\n");
    g_assert_true(isinf(thread_pool_quota(folder, "0::/job/task\n")));
    put_in_group("job", "cpu.max", "250000 100000\n"); /* the quota of a group holds for those below */
    g_assert_cmpfloat(thread_pool_quota(folder, "0::/job/task\n"), ==, 2.5);
    put_in_group("job/task", "cpu.max", "150000 100000\n");
    g_assert_cmpfloat(thread_pool_quota(folder, "0::/job/task\n"), ==, 1.5);
    g_assert_true(isinf(thread_pool_quota(folder, "0::/\n")));
    scratch_remove();
}

static void test_quotas_of_version_1(void)
{
    scratch_make();
    put_in_group("cpu/job", "cpu.cfs_period_us", "100000\n");
    put_in_group("cpu/job", "cpu.cfs_quota_us", "-1\n");
    g_assert_true(isinf(thread_pool_quota(folder, "4:memory:/job\n5:cpu,cpuacct:/job\n")));
    put_in_group("cpu", "cpu.cfs_period_us", "50000\n");
    put_in_group("cpu", "cpu.cfs_quota_us", "150000\n"); /* of a container, where /job is the host's name */
    g_assert_cmpfloat(thread_pool_quota(folder, "4:memory:/job\n5:cpu,cpuacct:/job\n"), ==, 3);
    g_assert_true(isinf(thread_pool_quota(folder, "5:cpuset:/job\nnonsense\n")));
    scratch_remove();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/thread pool/one thread runs each task once", GUINT_TO_POINTER(1),
                         test_thread_pool_runs_each_task_once);
    g_test_add_data_func("/thread pool/five threads run each task once", GUINT_TO_POINTER(5),
                         test_thread_pool_runs_each_task_once);
    g_test_add_func("/thread pool/quotas of cgroups, and of those above, limit the processors",
                    test_quotas_of_version_2);
    g_test_add_func("/thread pool/quotas of version 1 are those of the cpu controller",
                    test_quotas_of_version_1);
    return g_test_run();
}
