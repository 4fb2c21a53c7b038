/* Files written whole or not at all. */
#include "common/cli/fatal.h"
#include "common/core/output_file.h"
#include "tests/unit/fixture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_output_file_replaces_whole(void)
{
    g_autofree char *path = in_folder("a");
    g_autoptr(GError) error = NULL;
    g_assert_true(output_file_write(path, "first", 5, &error));
    g_assert_true(output_file_write(path, "second", 6, &error));
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "second");
    g_unlink(path);
    g_assert_cmpuint(files_in_folder(), ==, 0); /* no temporary is left */
}

static void test_output_file_failure_names_the_file_and_leaves_nothing(void)
{
    g_autofree char *path = in_folder("a");
    g_autoptr(GError) error = NULL;
    g_mkdir(path, 0700); /* a folder has the file's name: the rename fails */
    g_assert_false(output_file_write(path, "x", 1, &error));
    g_assert_nonnull(error);
    g_assert_true(g_str_has_prefix(error->message, path));
    g_rmdir(path);
    g_assert_cmpuint(files_in_folder(), ==, 0);

    g_clear_error(&error);
    g_assert_false(output_file_write("/nowhere/at/all", "x", 1, &error));
    g_assert_true(g_str_has_prefix(error->message, "/nowhere/at/all: cannot create"));
}

static gboolean no_memory;

/* Takes libc's place in this program. */
FILE *fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions)
{
    static FILE *(*own)(void *, const char *, cookie_io_functions_t);
    if (no_memory) {
        errno = ENOMEM;
        return NULL;
    }
    if (!own)
        *(void **)&own = dlsym(RTLD_NEXT, "fopencookie");
    return own(cookie, mode, functions);
}

static void test_no_memory_for_a_stream_leaves_nothing(void)
{
    g_autofree char *path = in_folder("a");
    g_autoptr(GError) error = NULL;
    no_memory = TRUE;
    g_assert_false(output_file_write(path, "x", 1, &error));
    no_memory = FALSE;
    g_assert_nonnull(strstr(error->message, "Cannot allocate memory"));
    g_assert_cmpuint(files_in_folder(), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/output_file/replaces whole", test_output_file_replaces_whole);
    g_test_add_func("/output_file/failure names the file and leaves nothing",
                    test_output_file_failure_names_the_file_and_leaves_nothing);
    g_test_add_func("/output_file/no memory for a stream leaves nothing",
                    test_no_memory_for_a_stream_leaves_nothing);
    int status = g_test_run();
    scratch_remove();
    return status;
}
