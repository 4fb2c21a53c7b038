/* tar_box: that libarchive runs in a process with nothing but the archive, and what becomes of the archive when it
 * dies. */
#include "common/dataset/tar_box.h"
#include "tests/unit/fixture.h"

#include <signal.h>
#include <unistd.h>

enum { BLOCK = 512, CONTENT = 5 };

/* Two members of five bytes. */
static void write_archive(const char *path)
{
    guint8 blocks[6][BLOCK] = {{0}};
    for (int member = 0; member < 2; member++) {
        char *header = (char *)blocks[2 * member];
        guint sum = 0;
        g_snprintf(header, 100, "a/%d.jpg", member);
        g_snprintf(header + 100, 8, "0000644");
        g_snprintf(header + 124, 12, "%011o", CONTENT);
        memcpy(header + 148, "        0", 9);
        memcpy(header + 257, "ustar\00000", 8);
        for (int i = 0; i < BLOCK; i++)
            sum += (guint8)header[i];
        g_snprintf(header + 148, 8, "%06o", sum);
        memset(blocks[2 * member + 1], '0' + member, CONTENT);
    }
    overwrite(path, blocks, sizeof blocks);
}

/* The contents of /proc/PID/FILE, or NULL. */
static char *told_of(const char *pid, const char *file)
{
    char *text = NULL;
    g_autofree char *path = g_build_filename("/proc", pid, file, NULL);
    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

/* The one child of this process. */
static char *child(void)
{
    g_autofree char *parent = g_strdup_printf("\nPPid:\t%d\n", (int)getpid());
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *status = g_ascii_isdigit(*name) ? told_of(name, "status") : NULL;
        if (status && strstr(status, parent))
            return g_strdup(name);
    }
    return NULL;
}

static TarBox *opened(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_folder("a.tar");
    write_archive(path);
    TarBox *box = tar_box_open(path, &error);
    g_assert_no_error(error);
    return box;
}

static void assert_member(TarBox *box, const char *name, const char *content)
{
    TarMember member;
    g_autoptr(GError) error = NULL;
    g_assert_true(tar_box_next(box, &member, &error));
    g_assert_cmpstr(member.name, ==, name);
    g_assert_cmpint(member.kind, ==, TAR_FILE);
    g_assert_cmpuint(member.size, ==, CONTENT);
    g_autoptr(GBytes) bytes = tar_box_content(box, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), content, CONTENT);
}

static void test_archives_are_read_behind_the_fence(void)
{
    TarMember member;
    g_autoptr(GError) error = NULL;
    g_autoptr(TarBox) box = opened();
    assert_member(box, "a/0.jpg", "00000");
    g_autofree char *pid = child(), *status = told_of(pid, "status");
    g_assert_nonnull(strstr(status, "\nSeccomp:\t2\n"));
    g_assert_nonnull(strstr(status, "\nNoNewPrivs:\t1\n"));
    g_autofree char *files = g_build_filename("/proc", pid, "fd", NULL);
    g_autoptr(GDir) dir = g_dir_open(files, 0, NULL);
    guint n = 0;
    while (g_dir_read_name(dir))
        n++;
    g_assert_cmpuint(n, ==, 5); /* /dev/null three times, the socket, the archive */
    assert_member(box, "a/1.jpg", "11111");
    g_assert_false(tar_box_next(box, &member, &error));
    g_assert_no_error(error);
}

static void assert_dies(int signal_number, const char *words)
{
    TarMember member;
    g_autoptr(TarBox) box = opened();
    g_autofree char *pid = child();
    assert_member(box, "a/0.jpg", "00000");
    g_assert_cmpint(kill(atoi(pid), signal_number), ==, 0);
    for (int i = 0; i < 2; i++) { /* asking again changes nothing */
        g_autoptr(GError) error = NULL;
        g_assert_false(tar_box_next(box, &member, &error));
        g_assert_nonnull(strstr(error->message, words));
    }
    g_assert_null(child());
}

static void test_a_crash_is_the_archives_fault(void)
{
    /* AddressSanitizer takes SIGSEGV for itself and exits. */
    assert_dies(SIGILL, "reading it crashes (Illegal instruction): the archive is damaged");
    assert_dies(SIGKILL, "no memory to read it");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/tar box/archives are read behind the fence", test_archives_are_read_behind_the_fence);
    g_test_add_func("/tar box/a crash is the archive's fault", test_a_crash_is_the_archives_fault);
    int failed = g_test_run();
    scratch_remove();
    return failed;
}
