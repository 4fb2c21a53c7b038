/* subprocess: results of a child process, and errors if it crashes or never ends. */
#include "common/core/error.h"
#include "common/core/subprocess.h"

#include <signal.h>
#include <stdlib.h>

static gboolean count(gpointer data, GError **error)
{
    (*(int *)data)++;
    return TRUE;
}

static gboolean refuse(gpointer data, GError **error)
{
    return error_set(error, "%s: is refused", (const char *)data);
}

static gboolean crash(gpointer data, GError **error)
{
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    return TRUE;
}

static gboolean never_end(gpointer data, GError **error)
{
    volatile gboolean ended = FALSE;
    while (!ended)
        ;
    return TRUE;
}

static gboolean leave(gpointer data, GError **error)
{
    _Exit(1);
}

static void test_shared_memory_comes_back(void)
{
    g_autoptr(GError) error = NULL;
    int *shared = subprocess_memory(sizeof *shared, &error), own = 0;
    g_assert_true(subprocess_run(count, shared, 10, "file", &error));
    g_assert_true(subprocess_run(count, &own, 10, "file", &error));
    g_assert_no_error(error);
    g_assert_cmpint(*shared, ==, 1);
    g_assert_cmpint(own, ==, 0);
    subprocess_memory_free(shared, sizeof *shared);
}

static void assert_sentence(SubprocessTask task, const char *sentence)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(subprocess_run(task, (gpointer) "file.h5", 1, "file.h5", &error));
    g_assert_cmpstr(error->message, ==, sentence);
}

static void test_refusals_are_handed_on(void)
{
    assert_sentence(refuse, "file.h5: is refused");
}

static void test_a_crash_is_an_error(void)
{
    assert_sentence(crash, "file.h5: reading it crashes (Aborted): the file is damaged");
    assert_sentence(leave, "file.h5: reading it crashes (no reason given): the file is damaged");
}

static void test_a_loop_is_an_error(void)
{
    assert_sentence(never_end, "file.h5: reading it does not terminate: the file is damaged");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/child process/shared memory comes back", test_shared_memory_comes_back);
    g_test_add_func("/child process/errors are passed on", test_refusals_are_handed_on);
    g_test_add_func("/child process/a crash is an error", test_a_crash_is_an_error);
    g_test_add_func("/child process/a loop is an error", test_a_loop_is_an_error);
    return g_test_run();
}
