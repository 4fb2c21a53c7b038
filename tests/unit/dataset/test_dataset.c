/* Scanning folders: classes, order, subsets, lists, and what is refused. */
#include "common/dataset/dataset.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void touch(const char *key)
{
    g_autofree char *path = in_folder(key);
    g_autofree char *above = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(above, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static void make_folder(const char *key)
{
    g_autofree char *path = in_folder(key);
    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
}

static void set_up(void)
{
    static const char *const keys[] = {
        "wasps/b.jpg",      "wasps/a.JPEG", "wasps/c.png",    "Ants/2.tif",       "Ants/10.TIFF",
        "Ants/more/x.webp", "Ants/1.bmp",   "Ants/notes.txt", "Ants/.hidden.jpg", "bees/ä.ppm",
        "bees/q.gif",       "stray.jpg",    "bees/jpg"};
    scratch_make(); /* anew for each test */
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        touch(keys[i]);
    make_folder("empty");
}

static void tear_down(void)
{
    scratch_remove();
}

/* "Ants bees | Ants/1.bmp=0 …": classes, then items with their labels. */
static char *describe(const Dataset *dataset)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < dataset->classes->len; i++)
        g_string_append_printf(text, "%s ", (char *)g_ptr_array_index(dataset->classes, i));
    g_string_append(text, "|");
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = g_ptr_array_index(dataset->items, i);
        g_autofree char *path = g_build_filename(dataset->root, item->key, NULL);
        g_assert_cmpstr(item->path, ==, path);
        g_string_append_printf(text, " %s=%d", item->key, item->label);
    }
    return g_string_free(text, FALSE);
}

static void assert_scan(const DatasetFilter *filter, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Dataset) dataset = dataset_scan(folder, filter, &error);
    g_assert_no_error(error);
    g_autofree char *found = describe(dataset);
    g_assert_cmpstr(found, ==, expected);
}

static void assert_refused(const char *folder, const DatasetFilter *filter, const char *reason)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(dataset_scan(folder, filter, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, reason))
        g_error("'%s' does not say '%s'", error->message, reason);
}

static void write_list(const char *text)
{
    g_autofree char *path = in_folder("list.txt");
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void assert_listed(DatasetFilter filter, const char *text, const char *expected)
{
    g_autofree char *path = in_folder("list.txt");
    write_list(text);
    filter.list = path;
    assert_scan(&filter, expected);
}

static void assert_list_refused(const char *text, const char *reason)
{
    g_autofree char *path = in_folder("list.txt");
    write_list(text);
    assert_refused(folder, &(DatasetFilter){.list = path}, reason);
}

#define ANTS "Ants/1.bmp=0 Ants/10.TIFF=0 Ants/2.tif=0 Ants/more/x.webp=0"

static void test_classes_and_files_come_in_byte_order(void)
{
    assert_scan(NULL, "Ants bees wasps | " ANTS
                      " bees/q.gif=1 bees/ä.ppm=1 wasps/a.JPEG=2 wasps/b.jpg=2 wasps/c.png=2");
}

static void test_classes_can_be_chosen(void)
{
    assert_scan(&(DatasetFilter){.classes = "wasps, Ants,wasps"},
                "Ants wasps | " ANTS " wasps/a.JPEG=1 wasps/b.jpg=1 wasps/c.png=1");
    assert_scan(&(DatasetFilter){.first_classes = 1}, "Ants | " ANTS);
    assert_scan(&(DatasetFilter){.first_classes = 2, .limit_per_class = 1},
                "Ants bees | Ants/1.bmp=0 bees/q.gif=1");
}

static void test_lists_choose_with_and_without_ending(void)
{
    assert_listed((DatasetFilter){0}, "wasps/b\n\n  wasps/a.JPEG\r\nAnts/more/x\nwasps/b.jpg\n",
                  "Ants wasps | Ants/more/x.webp=0 wasps/a.JPEG=1 wasps/b.jpg=1");
    assert_listed((DatasetFilter){.limit_per_class = 1}, "wasps/c\nwasps/a\nbees/q",
                  "bees wasps | bees/q.gif=0 wasps/c.png=1");
    assert_listed((DatasetFilter){.classes = "bees"}, "wasps/none\nbees/q\n", "bees | bees/q.gif=0");
}

static void test_lists_may_begin_with_a_byte_order_mark(void)
{
    assert_listed((DatasetFilter){0}, "\xef\xbb\xbfwasps/b\r\nwasps/a\r\n",
                  "wasps | wasps/a.JPEG=0 wasps/b.jpg=0");
    assert_list_refused("wasps/b\n\xef\xbb\xbfwasps/a\n", "list.txt:2 names");
}

static void test_a_list_with_a_nul_is_refused_with_its_line(void)
{
    static const char text[] = "wasps/b\nwasps/\0a\nwasps/c\n";
    g_autofree char *path = in_folder("list.txt");
    g_assert_true(g_file_set_contents(path, text, sizeof text - 1, NULL));
    assert_refused(folder, &(DatasetFilter){.list = path}, "list.txt:2 contains a NUL byte");
    g_assert_true(g_file_set_contents(path, "wasps/b\0", 8, NULL));
    assert_refused(folder, &(DatasetFilter){.list = path}, "list.txt:1 contains a NUL byte");
}

static void test_a_long_line_is_not_repeated_whole(void)
{
    enum { LENGTH = 100000 };
    g_autofree char *path = in_folder("list.txt"), *line = g_strnfill(LENGTH, 'x');
    g_autoptr(GError) error = NULL;
    write_list(line);
    g_assert_null(dataset_scan(folder, &(DatasetFilter){.list = path}, &error));
    g_assert_nonnull(strstr(error->message, "list.txt:1 names 'xxx"));
    g_assert_cmpuint(strlen(error->message), <, 1000);
}

static void test_a_listed_image_that_is_not_there_is_an_item(void)
{
    assert_listed((DatasetFilter){0}, "wasps/zzz\nwasps/b\nwasps/zzz\n", "wasps | wasps/b.jpg=0 wasps/zzz=0");
}

static void test_what_is_not_there_is_named(void)
{
    assert_refused("/nonexistent/folder", NULL, "/nonexistent/folder");
    assert_refused(folder, &(DatasetFilter){.classes = "Ants,moths"}, "no folder for the class 'moths'");
    assert_refused(folder, &(DatasetFilter){.classes = "../etc"}, "no folder for the class '../etc'");
    assert_refused(folder, &(DatasetFilter){.classes = "Ants,empty"}, "the class 'empty' has no images");
    assert_refused(folder, &(DatasetFilter){.list = "/nonexistent/list"}, "/nonexistent/list");
    assert_list_refused("wasps/b\nhornets/a\n", "list.txt:2 names 'hornets/a'");
    assert_list_refused("wasps/b\nwasps/../../secret\n", "list.txt:2 names 'wasps/../../secret'");
    assert_list_refused("wasps/zzz\nwasps/yyy\n", "names 2 images, but none of them is in");
    assert_list_refused("wasps/zzz\n", "names 1 image, but none of them is in");
    assert_list_refused("stray.jpg\n", "list.txt:1 names 'stray.jpg'");
    assert_list_refused("\n", "has no images");
    g_autofree char *empty = in_folder("empty");
    assert_refused(empty, NULL, "has no subfolders");
}

static void test_a_link_upwards_comes_to_an_end(void)
{
    g_autofree char *link = g_build_filename(folder, "Ants", "loop", NULL);
    g_assert_cmpint(symlink("../Ants", link), ==, 0);
    assert_refused(folder, NULL, "loop is a link to a folder that contains it");
}

static void run(gconstpointer test)
{
    set_up();
    ((GTestFunc)test)();
    tear_down();
}

/* By their first bytes, files with other endings are images or not. */
static void what_is_passed_over_is_counted(void)
{
    g_autofree char *image = in_folder("bees/photo.jpg?w=300"), *text = in_folder("bees/y.TXT");
    overwrite(image, "P6 1 1 255\nabc", 14);
    overwrite(text, "a text", 6);
    g_autoptr(Dataset) dataset = dataset_scan(folder, NULL, NULL);
    g_autofree char *passed = dataset_passed(dataset);
    g_assert_cmpstr(passed, ==, "1 without ending, 2 .txt; 1 image beside the folders of classes");
    g_assert_cmpuint(dataset->items->len, ==, 10);
    g_assert_cmpuint(dataset->unread, ==, 0);
}

static void what_cannot_be_looked_at_becomes_an_item_that_fails(void)
{
    g_autofree char *class_link = in_folder("zebras"), *link = in_folder("bees/far"),
                    *loop = in_folder("bees/loop");
    g_assert_cmpint(symlink("/nowhere/at/all", class_link), ==, 0);
    g_assert_cmpint(symlink("/nowhere/else", link), ==, 0);
    g_assert_cmpint(symlink("loop", loop), ==, 0);
    g_autoptr(Dataset) dataset = dataset_scan(folder, NULL, NULL);
    g_autofree char *text = describe(dataset);
    g_assert_cmpuint(dataset->unread, ==, 3);
    g_assert_nonnull(strstr(text, " bees/far=1"));
    g_assert_nonnull(strstr(text, " bees/loop=1"));
    g_assert_nonnull(strstr(text, " zebras="));
    g_assert_true(g_str_has_prefix(text, "Ants bees wasps |"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/dataset/classes and files come in byte order",
                         test_classes_and_files_come_in_byte_order, run);
    g_test_add_data_func("/dataset/classes can be chosen", test_classes_can_be_chosen, run);
    g_test_add_data_func("/dataset/a listed image that is missing is an item",
                         test_a_listed_image_that_is_not_there_is_an_item, run);
    g_test_add_data_func("/dataset/lists may begin with a byte order mark",
                         test_lists_may_begin_with_a_byte_order_mark, run);
    g_test_add_data_func("/dataset/a list with a NUL is refused with its line",
                         test_a_list_with_a_nul_is_refused_with_its_line, run);
    g_test_add_data_func("/dataset/a long line is not repeated whole", test_a_long_line_is_not_repeated_whole,
                         run);
    g_test_add_data_func("/dataset/lists choose with and without ending",
                         test_lists_choose_with_and_without_ending, run);
    g_test_add_data_func("/dataset/missing classes and folders are named", test_what_is_not_there_is_named,
                         run);
    g_test_add_data_func("/dataset/a link upwards comes to an end", test_a_link_upwards_comes_to_an_end, run);
    g_test_add_data_func("/dataset/what is passed over is counted", what_is_passed_over_is_counted, run);
    g_test_add_data_func("/dataset/what cannot be looked at becomes an item that fails",
                         what_cannot_be_looked_at_becomes_an_item_that_fails, run);
    return g_test_run();
}
