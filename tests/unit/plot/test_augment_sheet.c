/* The sheet that shows augmented copies. */
#include "common/plot/augment_sheet.h"
#include "tests/unit/fixture.h"

enum { SIDE = 17 };

static void test_a_contact_sheet_is_written(void)
{
    static guint8 rgb[SIDE * SIDE * 3];
    const char *const keys[] = {"ants/1.jpg", "bees/2.jpg"};
    const guint8 *const images[] = {rgb, rgb};
    AugmentOptions options = {.rotation_range = 90, .horizontal_flip = TRUE};
    g_autofree char *path = in_folder("sheet.png");
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    gsize size = 0;
    g_assert_true(augment_sheet_write(path, &options, 42, keys, images, 2, 3, SIDE, &error));
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    g_assert_cmpmem(bytes, 4, "\x89PNG", 4);
    g_assert_false(
        augment_sheet_write("/nonexistent/sheet.png", &options, 42, keys, images, 2, 3, SIDE, &error));
    g_assert_nonnull(error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/augment_sheet/a contact sheet is written", test_a_contact_sheet_is_written);
    int status = g_test_run();
    scratch_remove();
    return status;
}
