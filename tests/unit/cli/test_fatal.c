/* fatal: the end of a program that cannot continue. */
#include "common/cli/fatal.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 3, PAGE = 4096 };

/* Maps a file, and reads a byte of it after it was cut. */
static void read_what_was_cut(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "cut\nshort.mdb", NULL);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    g_assert_cmpint(ftruncate(file, PAGES * PAGE), ==, 0);
    volatile guint8 *bytes = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, file, 0);
    g_assert_true(bytes != MAP_FAILED && bytes[2 * PAGE] == 0);
    unlink(path);
    fatal_install("reader");
    g_assert_cmpint(ftruncate(file, PAGE), ==, 0);
    exit(bytes[0] + bytes[2 * PAGE]);
}

static void test_a_mapped_file_that_is_cut_is_named(void)
{
    if (g_test_subprocess())
        read_what_was_cut();
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(
        "reader: /*/cut*short.mdb*: cannot be read or written any more: it was cut short*");
}

static void test_what_is_no_file_ends_as_ever(void)
{
    if (g_test_subprocess()) {
        fatal_install("reader");
        raise(SIGBUS);
        raise(SIGBUS);
        exit(EXIT_SUCCESS);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("");
}

#ifdef __SANITIZE_ADDRESS__
#define BEFORE "*" /* its own warning of the same */
#else
#define BEFORE ""
#endif

static void test_glibs_want_of_memory_is_a_sentence(void)
{
    if (g_test_subprocess()) {
        g_log_set_default_handler(g_log_default_handler, NULL); /* not GTest's */
        fatal_install("taker");
        g_free(g_malloc(G_MAXSSIZE));
        exit(EXIT_SUCCESS);
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(BEFORE "taker: out of memory: failed to allocate 9223372036854775807 bytes\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fatal/a mapped file that is cut is named", test_a_mapped_file_that_is_cut_is_named);
    g_test_add_func("/fatal/what is no file ends as ever", test_what_is_no_file_ends_as_ever);
    g_test_add_func("/fatal/GLib's want of memory is a sentence", test_glibs_want_of_memory_is_a_sentence);
    return g_test_run();
}
