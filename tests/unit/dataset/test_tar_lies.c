/* tar_box: what the process that reads an archive answers is checked again. This tar_reader takes the place of the real
 * one, as if a damaged archive had taken its process over: its member k is lies[k], and contents are as long as lies[k]
 * says. */
#include "common/dataset/tar_box.h"
#include "tests/unit/fixture.h"

#include <string.h>

static const struct {
    TarMember member;
    gsize content;
    const char *reason; /* that is given for it; NULL: none, it is taken */
} lies[] = {
    {{"/etc/passwd", TAR_FILE, 5}, 5, "a name that is not valid"},
    {{"..", TAR_FILE, 5}, 5, "a name that is not valid"},
    {{"a/../../b.jpg", TAR_FILE, 5}, 5, "a name that is not valid"},
    {{"a/..", TAR_FOLDER, 0}, 0, "a name that is not valid"},
    {{"a/..b.jpg", TAR_FILE, 5}, 5, NULL},
    {{"a/short.jpg", TAR_FILE, 5}, 4, "'a/short.jpg' is incomplete"},
    {{"a/empty.jpg", TAR_FILE, 5}, 0, "'a/empty.jpg' is incomplete"},
    {{"a/long.jpg", TAR_FILE, 5}, 6, "its answer is not valid"},
    {{"a/huge.jpg", TAR_FILE, G_MAXUINT64}, 5, "'a/huge.jpg' is incomplete"},
    {{"a/pipe", (TarKind)77, 5}, 5, NULL},
    {{NULL, TAR_FILE, 5}, 5, "a name that is not valid"}, /* forged */
};

struct TarReader {
    guint next;
};

TarReader *tar_reader_new(const char *path, int file, gint64 size)
{
    return g_new0(TarReader, 1);
}

void tar_reader_close(TarReader *reader)
{
    g_free(reader);
}

/* In tar_box's place: a name with a NUL within. */
static void forge_member(void)
{
    struct {
        guint64 kind, size;
        char name[8];
    } told = {TAR_FILE, 5, "a\0b.jpg"};
    forge_head(sizeof told);
    g_assert_true(sandbox_send_all(SUBPROCESS_SOCKET, &told, sizeof told));
}

gboolean tar_reader_next(TarReader *reader, TarMember *member, GError **error)
{
    if (reader->next == G_N_ELEMENTS(lies))
        return FALSE;
    *member = lies[reader->next++].member;
    if (!member->name)
        forge_member();
    return member->name != NULL;
}

gboolean tar_reader_content(TarReader *reader, void *bytes, gsize *size, GError **error)
{
    *size = lies[reader->next - 1].content;
    memset(bytes, 'x', *size);
    return TRUE;
}

static void test_lies_are_found(void)
{
    g_autofree char *path = in_folder("lies.tar");
    overwrite(path, "", 0);
    for (guint lie = 0; lie < G_N_ELEMENTS(lies); lie++) {
        TarMember member;
        g_autoptr(GError) error = NULL;
        g_autoptr(TarBox) box = tar_box_open(path, &error);
        g_assert_no_error(error);
        gboolean good = TRUE;
        for (guint i = 0; i <= lie; i++) {
            g_clear_error(&error);
            good = tar_box_next(box, &member, &error);
        }
        g_autoptr(GBytes) content =
            good && member.kind == TAR_FILE ? tar_box_content(box, NULL, &error) : NULL;
        if (!lies[lie].reason) {
            g_assert_no_error(error);
            g_assert_true(good && (member.kind == TAR_OTHER || g_bytes_get_size(content) == member.size));
            continue;
        }
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, path));
        g_assert_nonnull(strstr(error->message, lies[lie].reason));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/tar box/lies are found", test_lies_are_found);
    int failed = g_test_run();
    scratch_remove();
    return failed;
}
