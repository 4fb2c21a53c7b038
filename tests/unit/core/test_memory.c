/* What cgroups leave of the memory, in a made-up tree of their files; how a want of it is told. */
#include "common/core/memory.h"
#include "tests/unit/fixture.h"

static void test_version_2(void)
{
    scratch_make();
    put_in_group("job/task", "memory.max", "max\n");
    put_in_group("job/task", "memory.current", "600\n");
    g_assert_cmpuint(memory_cgroup_left(folder, "0::/job/task\n"), ==, G_MAXSIZE);
    put_in_group("job", "memory.max", "1000\n");
    put_in_group("job", "memory.current", "700\n");
    g_assert_cmpuint(memory_cgroup_left(folder, "0::/job/task\n"), ==, 300);
    put_in_group("job", "memory.stat",
                 "anon 1\ninactive_file 200\nactive_file 50\n"); /* the kernel takes it back */
    g_assert_cmpuint(memory_cgroup_left(folder, "0::/job/task\n"), ==, 500);
    put_in_group("job/task", "memory.max", "650\n"); /* the smaller of the two counts */
    g_assert_cmpuint(memory_cgroup_left(folder, "0::/job/task\n"), ==, 50);
    put_in_group("job/task", "memory.current", "700\n");
    g_assert_cmpuint(memory_cgroup_left(folder, "0::/job/task\n"), ==, 0);
    scratch_remove();
}

static void test_version_1(void)
{
    scratch_make();
    put_in_group("memory/job", "memory.limit_in_bytes", "1000\n");
    put_in_group("memory/job", "memory.usage_in_bytes", "900\n");
    put_in_group("memory/job", "memory.stat", "inactive_file 7\ntotal_inactive_file 300\n");
    g_assert_cmpuint(memory_cgroup_left(folder, "5:cpu,cpuacct:/job\n4:hugetlb,memory:/job\n"), ==, 400);
    g_assert_cmpuint(memory_cgroup_left(folder, "5:cpu,cpuacct:/job\n"), ==, G_MAXSIZE);
    g_assert_cmpuint(memory_cgroup_left(folder, "nonsense\n"), ==, G_MAXSIZE);
    scratch_remove();
}

static void test_refusals_say_what_is_short(void)
{
    static const struct {
        MemoryNeed need;
        const char *sentence;
    } cases[] = {
        {{.memory = (gsize)1 << 60}, " is available; wait"},
        {{.memory = 1000}, "of memory, which the system does not give; wait"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(memory_refuse(cases[i].need, "a test", "wait", &error));
        if (!strstr(error->message, cases[i].sentence))
            g_error("\"%s\" does not hold \"%s\"", error->message, cases[i].sentence);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/limits of cgroups, and of those above, leave what is not in use",
                    test_version_2);
    g_test_add_func("/memory/limits of version 1 are those of the memory controller", test_version_1);
    g_test_add_func("/memory/refusals say what is short", test_refusals_say_what_is_short);
    return g_test_run();
}
