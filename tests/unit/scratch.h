/* scratch: a temporary folder for the files of a test, and damage done to them. */
#pragma once
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>

static char *folder;

static inline void scratch_make(void)
{
    g_autoptr(GError) error = NULL;
    folder = g_dir_make_tmp("vggcache-test-XXXXXX", &error);
    g_assert_no_error(error);
}

static inline char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static inline guint files_in_folder(void)
{
    guint n = 0;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    while (g_dir_read_name(dir))
        n++;
    return n;
}

/* Not g_file_set_contents, which waits for the disk. */
static inline void overwrite(const char *path, const void *bytes, gsize size)
{
    FILE *stream = fopen(path, "wb");
    g_assert_nonnull(stream);
    g_assert_cmpuint(fwrite(bytes, 1, size, stream), ==, size);
    g_assert_cmpint(fclose(stream), ==, 0);
}

static inline void scratch_remove(void)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = in_folder(name);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
}
