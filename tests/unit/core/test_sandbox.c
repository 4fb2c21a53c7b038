/* sandbox: what is refused inside, and how the ends of a child are told apart. The first byte of a request selects what
 * the child does. */
#include "common/core/interrupt.h"
#include "common/core/sandbox.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LIMIT = 1000, REQUEST_MAX = 1 << 20, ANSWER_MAX = 1 << 16, MEMORY = 64 << 20, PAGE = 4096 };

static guint8 *shared, *own; /* a page of a file, mapped to be shared, and one for this process */

/* How many of these are not refused. */
static int attempts(void)
{
    int n = open("/etc/passwd", O_RDONLY) >= 0;
    n += socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
    n += socket(AF_INET, SOCK_STREAM, 0) >= 0;
    n += fork() >= 0;
    n += kill(getppid(), 0) == 0;
    for (int file = SUBPROCESS_FILE + 1; file < 256; file++)
        n += read(file, NULL, 0) == 0;
    return n + (getenv("PATH") != NULL);
}

static gboolean is_mapped(guint8 *page)
{
    return madvise(page, PAGE, MADV_NORMAL) == 0;
}

/* An answer, a byte now and then. */
static G_NORETURN void dribble(void)
{
    for (forge_head(ANSWER_MAX);; g_usleep(20000))
        sandbox_send_all(SUBPROCESS_SOCKET, "", 1);
}

static gboolean serve(gpointer data, const guint8 *request, gsize size, SandboxBytes *answer, GError **error)
{
    volatile gboolean ended = FALSE;
    switch (request[0]) {
    case 'a':
        *answer = (SandboxBytes){g_strdup_printf("%d", attempts()), 1};
        return TRUE;
    case 'c':
        __builtin_trap();
    case 'd':
        dribble();
    case 'f':
        *answer = (SandboxBytes){g_malloc(1), 1};
        return read(SUBPROCESS_FILE, answer->bytes, 1) == 1;
    case 'l': /* loops for ever */
        while (!ended)
            ;
        return TRUE;
    case 'm':
        answer->bytes = malloc(2 * MEMORY);
        answer->size = answer->bytes != NULL;
        return TRUE;
    case 'o':
        *answer = (SandboxBytes){g_malloc0(ANSWER_MAX + 1), ANSWER_MAX + 1};
        return TRUE;
    case 'p':
        *answer = (SandboxBytes){g_strdup_printf("%d", (int)getpid()), 16};
        return TRUE;
    case 'r':
        answer->bytes = g_malloc(1);
        g_set_error_literal(error, SANDBOX_ERROR, 7, "bad\xff");
        return FALSE;
    case 'v':
        *answer = (SandboxBytes){g_strdup_printf("%d%d", is_mapped(shared), is_mapped(own)), 2};
        return TRUE;
    case 's': /* sleeps for ever */
        for (;;)
            g_usleep(G_USEC_PER_SEC);
    case 'x':
        _exit(1);
    default:
        *answer = (SandboxBytes){g_memdup2(request, size), size};
        return TRUE;
    }
}

static Sandbox *start(int file)
{
    g_autoptr(GError) error = NULL;
    const SandboxWork work = {serve, NULL, file, REQUEST_MAX, MEMORY, LIMIT};
    Sandbox *sandbox = sandbox_start(&work, &error);
    g_assert_no_error(error);
    return sandbox;
}

/* The answer, a string; NULL and error. */
static char *ask(Sandbox *sandbox, const char *head, const char *body, GError **error)
{
    SandboxBytes answer = {0};
    return sandbox_ask(sandbox, (SandboxBytes){(gpointer)head, strlen(head)},
                       (SandboxBytes){(gpointer)body, strlen(body)}, ANSWER_MAX, &answer, error)
               ? answer.bytes
               : NULL;
}

static void assert_answer(Sandbox *sandbox, const char *request, const char *answer)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *found = ask(sandbox, request, "", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(found, ==, answer);
}

/* And the same again, as the child has ended. */
static void assert_ends(const char *request, SandboxError code, const char *message)
{
    g_autoptr(Sandbox) sandbox = start(-1);
    for (int i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(ask(sandbox, i ? "e" : request, "", &error));
        g_assert_error(error, SANDBOX_ERROR, (int)code);
        g_assert_cmpstr(error->message, ==, message);
    }
}

static void test_requests_are_answered(void)
{
    g_autoptr(Sandbox) sandbox = start(-1);
    g_autofree char *large = g_strnfill(ANSWER_MAX - 1, 'x'), *both = ask(sandbox, "e", large, NULL);
    g_assert_cmpuint(strlen(both), ==, ANSWER_MAX);
    g_autoptr(GError) error = NULL;
    g_assert_null(ask(sandbox, "r", "", &error));
    g_assert_error(error, SANDBOX_ERROR, SANDBOX_REFUSED + 7);
    g_assert_cmpstr(error->message, ==, "bad\xef\xbf\xbd");
    assert_answer(sandbox, "echo", "echo");
}

static void test_only_the_given_file_is_open(void)
{
    int file = open("/etc/passwd", O_RDONLY);
    char byte[2] = "";
    g_assert_cmpint(pread(file, byte, 1, 0), ==, 1);
    g_autoptr(Sandbox) sandbox = start(file);
    close(file);
    assert_answer(sandbox, "a", "0");
    g_assert_true(sandbox_is_fenced(sandbox));
    assert_answer(sandbox, "f", byte);
}

static void test_shared_files_are_not_inherited(void)
{
    FILE *file = tmpfile();
    g_assert_cmpint(ftruncate(fileno(file), PAGE), ==, 0);
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    own = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    fclose(file);
    g_assert_true(shared != MAP_FAILED && own != MAP_FAILED);
    g_autoptr(Sandbox) sandbox = start(-1);
    assert_answer(sandbox, "v", "01");
    shared[0] = 1; /* here it is still there */
    munmap(shared, PAGE);
    munmap(own, PAGE);
}

static void test_memory_is_limited(void)
{
    if (g_str_has_suffix(g_getenv("BUILD") ? g_getenv("BUILD") : "", "thread")) {
        g_test_skip("ThreadSanitizer has memory of its own");
        return;
    }
    g_autoptr(Sandbox) sandbox = start(-1);
    assert_answer(sandbox, "m", "");
}

static void test_lengths_are_checked_on_both_sides(void)
{
    assert_ends("o", SANDBOX_CRASHED, "its answer is not valid");
    g_autofree char *large = g_strnfill(REQUEST_MAX + 1, 'e');
    assert_ends(large, SANDBOX_MACHINE, "not enough memory"); /* the child ends */
}

static void test_ends_are_told_apart(void)
{
    assert_ends("c", SANDBOX_CRASHED, "Illegal instruction");
    assert_ends("x", SANDBOX_MACHINE, "not enough memory");
    assert_ends("l", SANDBOX_ENDLESS, "given up after 1 s");
    assert_ends("s", SANDBOX_ENDLESS, "given up after 1 s");
    assert_ends("d", SANDBOX_ENDLESS, "given up after 1 s");
}

static void assert_killed(int signal_number, SandboxError code, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Sandbox) sandbox = start(-1);
    g_autofree char *pid = ask(sandbox, "p", "", NULL);
    g_assert_cmpint(kill(atoi(pid), signal_number), ==, 0);
    g_assert_null(ask(sandbox, "s", "", &error));
    g_assert_error(error, SANDBOX_ERROR, (int)code);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpint(kill(atoi(pid), 0), ==, -1);
}

static void test_a_signal_of_the_users_is_an_interruption(void)
{
    assert_killed(SIGALRM, SANDBOX_INTERRUPTED, "interrupted");
    assert_killed(SIGKILL, SANDBOX_MACHINE, "it was killed, most likely for lack of memory");
}

/* The last test: the flag stays. */
static void test_the_first_signal_ends_waiting(void)
{
    g_autoptr(Sandbox) sandbox = start(-1);
    g_autoptr(GError) error = NULL;
    interrupt_install(FALSE);
    gint64 begun = g_get_monotonic_time();
    raise(SIGINT);
    assert_answer(sandbox, "echo", "echo"); /* what is answered at once is taken */
    g_assert_null(ask(sandbox, "s", "", &error));
    g_assert_error(error, SANDBOX_ERROR, SANDBOX_INTERRUPTED);
    g_assert_cmpint(g_get_monotonic_time() - begun, <, LIMIT * 900);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sandbox/requests are answered", test_requests_are_answered);
    g_test_add_func("/sandbox/only the given file is open", test_only_the_given_file_is_open);
    g_test_add_func("/sandbox/shared files are not inherited", test_shared_files_are_not_inherited);
    g_test_add_func("/sandbox/memory is limited", test_memory_is_limited);
    g_test_add_func("/sandbox/lengths are checked on both sides", test_lengths_are_checked_on_both_sides);
    g_test_add_func("/sandbox/ends are told apart", test_ends_are_told_apart);
    g_test_add_func("/sandbox/a signal of the user's is an interruption",
                    test_a_signal_of_the_users_is_an_interruption);
    g_test_add_func("/sandbox/the first signal ends waiting", test_the_first_signal_ends_waiting);
    return g_test_run();
}
