/* hdf5_file against files of h5py (tests/golden/make_hdf5.py), and the seal against damage. */
#include "common/hdf5/hdf5_file.h"
#include "tests/unit/fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#define GOLDEN "tests/golden/hdf5.h5"

static const gsize matrix[] = {2, 3};
static Hdf5File *golden_open(void)
{
    g_autoptr(GError) error = NULL;
    Hdf5File *file = hdf5_open(GOLDEN, &error);
    g_assert_no_error(error);
    return file;
}

static void assert_names(const char *attribute, const char *expected)
{
    g_autoptr(Hdf5File) file = golden_open();
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) names = hdf5_read_names(file, "/", attribute, &error);
    g_assert_no_error(error);
    g_autofree char *joined = g_strjoinv(",", names);
    g_assert_cmpstr(joined, ==, expected);
}

static void test_names_of_every_writer(void)
{
    assert_names("fixed", "input_1,block1_conv1,größe");
    assert_names("variable", "input_1,block1_conv1,größe");
    assert_names("split", "input_1,block1_conv1,größe");
    assert_names("empty_list", "");
    assert_names("empty_bytes", "");
    assert_names("empty", "");
}

static void test_texts_of_every_writer(void)
{
    static const char *const expected[][2] = {
        {"text", "größe"}, {"bytes", "tensorflow"}, {"numpy_bytes", "2.15.0"}};
    g_autoptr(Hdf5File) file = golden_open();
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = hdf5_read_text(file, "/", expected[i][0], &error);
        g_assert_no_error(error);
        g_assert_cmpstr(text, ==, expected[i][1]);
    }
}

static void test_what_is_no_text_is_refused(void)
{
    static const char *const names[] = {"number", "matrix", "latin1", "missing", "fixed", "empty"};
    g_autoptr(Hdf5File) file = golden_open();
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hdf5_read_text(file, "/", names[i], &error));
        g_assert_nonnull(strstr(error->message, names[i]));
        g_assert_true(g_str_has_prefix(error->message, GOLDEN ": "));
    }
}

static void test_arrays_of_every_writer(void)
{
    static const char *const names[] = {"/group/plain", "group/plain", "/big_endian",
                                        "/gzip",        "/float64",    "/float16"};
    g_autoptr(Hdf5File) file = golden_open();
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        float values[6] = {0};
        hdf5_read_floats(file, names[i], 2, matrix, values, &error);
        g_assert_no_error(error);
        for (int v = 0; v < 6; v++)
            g_assert_cmpfloat(values[v], ==, v / 4.0f);
    }
}

static void test_other_types_and_shapes_are_named(void)
{
    static const struct {
        const char *dataset;
        int rank;
        gsize shape[3];
        const char *sentence;
    } cases[] = {
        {"/int32", 2, {2, 3}, "int32 (2, 3); expected float32 (2, 3)"},
        {"/group/plain", 2, {3, 2}, "float32 (2, 3); expected float32 (3, 2)"},
        {"/group/plain", 1, {6}, "float32 (2, 3); expected float32 (6)"},
        {"/scalar", 1, {1}, "float32 (); expected float32 (1)"},
        {"/group", 1, {1}, "has no dataset /group"},
        {"/missing/deep", 1, {1}, "has no dataset /missing/deep"},
    };
    g_autoptr(Hdf5File) file = golden_open();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        float values[6];
        g_assert_false(
            hdf5_read_floats(file, cases[i].dataset, cases[i].rank, cases[i].shape, values, &error));
        g_assert_nonnull(strstr(error->message, cases[i].sentence));
    }
}

static void test_nothing_leads_out_of_the_file(void)
{
    static const char *const names[] = {"/soft", "/elsewhere", "/external", "/virtual"};
    g_autoptr(Hdf5File) file = golden_open();
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        float values[6];
        g_assert_false(hdf5_read_floats(file, names[i], 2, matrix, values, NULL));
    }
}

static void test_groups_are_found(void)
{
    g_autoptr(Hdf5File) file = golden_open();
    g_assert_cmpint(hdf5_has_group(file, "/", NULL), ==, 1);
    g_assert_cmpint(hdf5_has_group(file, "/group", NULL), ==, 1);
    g_assert_cmpint(hdf5_has_group(file, "/group/plain", NULL), ==, 0);
    g_assert_cmpint(hdf5_has_group(file, "/nothing/here", NULL), ==, 0);
}

/* A group's heap has the names of its members. */
static void test_what_cannot_be_read_does_not_pass_for_absent(void)
{
    gsize size;
    float values[6];
    g_autofree char *bytes = NULL, *path = in_folder("damaged.h5");
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_get_contents(GOLDEN, &bytes, &size, NULL));
    guint heaps = 0;
    for (char *at = bytes; (at = memmem(at, size - (gsize)(at - bytes), "HEAP", 4)); heaps++)
        memset(at, 0, 4);
    g_assert_cmpuint(heaps, >, 0);
    overwrite(path, bytes, size);
    g_autoptr(Hdf5File) file = hdf5_open(path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(hdf5_has_dataset(file, "/group/nothing", &error), ==, -1);
    g_assert_nonnull(strstr(error->message, "its dataset /group/nothing cannot be read (bad local heap"));
    g_clear_error(&error);
    g_assert_cmpint(hdf5_has_group(file, "/group/nothing", &error), ==, -1);
    g_clear_error(&error);
    g_assert_false(hdf5_read_floats(file, "/group/plain", 2, matrix, values, &error));
    g_assert_nonnull(strstr(error->message, "its dataset /group/plain cannot be read (bad local heap"));
}

static void test_files_that_are_not_hdf5_are_refused(void)
{
    static const char *const paths[] = {"tests/golden/make_hdf5.py", "tests/golden", "tests/nothing"};
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(GError) error = NULL, sealed = NULL;
        g_assert_null(hdf5_open(paths[i], &error));
        g_assert_true(g_str_has_prefix(error->message, paths[i]));
        g_assert_null(hdf5_open_sealed(paths[i], &sealed));
        g_assert_true(g_str_has_prefix(sealed->message, paths[i]));
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(hdf5_open_sealed(GOLDEN, &error));
    g_assert_nonnull(strstr(error->message, "does not end with vggcache's checksum"));
}

/* A file with a long list of names, a long text and an array. */
static char *write_file(const char *name)
{
    g_autoptr(GError) error = NULL;
    char *path = in_folder(name);
    g_autoptr(Hdf5File) file = hdf5_create(path, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < 9000; i++)
        g_ptr_array_add(names, g_strdup_printf("layer_with_a_name_%d", i));
    g_ptr_array_add(names, NULL);
    g_autofree char *text = g_strnfill(200000, 'x');
    float values[6] = {0, 1, 2, 3, 4, 5};
    hdf5_write_names(file, "/", "layer_names", (const char *const *)names->pdata, &error);
    g_assert_no_error(error);
    hdf5_write_names(file, "/a", "none", (const char *const[]){NULL}, &error);
    g_assert_no_error(error);
    hdf5_write_text(file, "/", "long", text, &error);
    g_assert_no_error(error);
    hdf5_write_text(file, "/a/b", "empty", "", &error);
    g_assert_no_error(error);
    hdf5_write_floats(file, "/a/b/c", 2, matrix, values, &error);
    g_assert_no_error(error);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    hdf5_commit(file, &error);
    g_assert_no_error(error);
    return path;
}

static void test_what_is_written_is_read(void)
{
    g_autofree char *path = write_file("file.h5");
    g_autoptr(GError) error = NULL;
    g_autoptr(Hdf5File) file = hdf5_open_sealed(path, &error);
    g_assert_no_error(error);
    g_auto(GStrv) first = hdf5_read_names(file, "/", "layer_names0", &error); /* split, as Keras splits */
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(first), <, 9000);
    g_auto(GStrv) names = hdf5_read_names(file, "/", "layer_names", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(names), ==, 9000);
    g_assert_cmpstr(names[8999], ==, "layer_with_a_name_8999");
    g_auto(GStrv) none = hdf5_read_names(file, "/a", "none", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(none), ==, 0);
    g_autofree char *text = hdf5_read_text(file, "/", "long", &error);
    g_assert_cmpuint(strlen(text), ==, 200000);
    g_autofree char *empty = hdf5_read_text(file, "/a/b", "empty", &error);
    g_assert_cmpstr(empty, ==, "");
    float values[6];
    hdf5_read_floats(file, "/a/b/c", 2, matrix, values, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(values[5], ==, 5);
}

static void test_the_same_content_gives_the_same_bytes(void)
{
    g_autofree char *first = write_file("first.h5"), *second = NULL, *a = NULL, *b = NULL;
    gsize size_a, size_b;
    g_usleep(1100000); /* time stamps count seconds */
    second = write_file("second.h5");
    g_assert_true(g_file_get_contents(first, &a, &size_a, NULL));
    g_assert_true(g_file_get_contents(second, &b, &size_b, NULL));
    g_assert_cmpmem(a, size_a, b, size_b);
}

static void test_the_seal_tells_damage(void)
{
    g_autofree char *path = write_file("sealed.h5"), *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    for (gsize cut = 0; cut < size; cut += 1 + size / 97) {
        overwrite(path, bytes, cut);
        g_assert_null(hdf5_open_sealed(path, NULL));
    }
    for (gsize at = size - 1; at < size; at -= 1 + size / 97) { /* from the seal's last byte down */
        bytes[at] ^= 1;
        overwrite(path, bytes, size);
        g_assert_null(hdf5_open_sealed(path, NULL));
        bytes[at] ^= 1;
    }
    g_autoptr(GError) error = NULL;
    overwrite(path, bytes, size);
    g_autoptr(Hdf5File) file = hdf5_open_sealed(path, &error);
    g_assert_no_error(error);
    g_assert_nonnull(file);
}

static void test_what_is_not_committed_leaves_nothing(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_folder("abandoned.h5");
    guint before = files_in_folder();
    Hdf5File *file = hdf5_create(path, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(files_in_folder(), ==, before + 1);
    hdf5_close(file);
    g_assert_cmpuint(files_in_folder(), ==, before);
    g_assert_null(hdf5_create("tests/nothing/file.h5", &error));
    g_assert_true(g_str_has_prefix(error->message, "tests/nothing/file.h5: "));
}

/* A full disk, simulated by a limit on the size of files. */
static void test_a_full_disk_leaves_the_old_file(void)
{
    enum { N = 1 << 18 };
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_folder("full.h5"), *content = NULL;
    g_autofree float *values = g_new0(float, N);
    g_assert_true(g_file_set_contents(path, "old", 3, NULL));
    guint before = files_in_folder();
    struct rlimit limit, full;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    full = limit;
    full.rlim_cur = 100000;
    setrlimit(RLIMIT_FSIZE, &full);
    Hdf5File *file = hdf5_create(path, &error);
    g_assert_no_error(error);
    gboolean good =
        hdf5_write_floats(file, "/a", 1, (gsize[]){N}, values, &error) && hdf5_commit(file, &error);
    setrlimit(RLIMIT_FSIZE, &limit);
    hdf5_close(file);
    g_assert_false(good);
    g_assert_true(g_str_has_prefix(error->message, path));
    g_assert_cmpuint(files_in_folder(), ==, before);
    g_assert_true(g_file_get_contents(path, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, "old");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    scratch_make();
    g_test_add_func("/hdf5_file/reads names of every writer", test_names_of_every_writer);
    g_test_add_func("/hdf5_file/reads texts of every writer", test_texts_of_every_writer);
    g_test_add_func("/hdf5_file/refuses what is not text", test_what_is_no_text_is_refused);
    g_test_add_func("/hdf5_file/reads arrays of every writer", test_arrays_of_every_writer);
    g_test_add_func("/hdf5_file/names other types and shapes", test_other_types_and_shapes_are_named);
    g_test_add_func("/hdf5_file/follows nothing out of the file", test_nothing_leads_out_of_the_file);
    g_test_add_func("/hdf5_file/finds groups", test_groups_are_found);
    g_test_add_func("/hdf5_file/what cannot be read does not pass for absent",
                    test_what_cannot_be_read_does_not_pass_for_absent);
    g_test_add_func("/hdf5_file/refuses files that are not HDF5", test_files_that_are_not_hdf5_are_refused);
    g_test_add_func("/hdf5_file/reads what it wrote", test_what_is_written_is_read);
    g_test_add_func("/hdf5_file/writes the same bytes again", test_the_same_content_gives_the_same_bytes);
    g_test_add_func("/hdf5_file/detects damage by the seal", test_the_seal_tells_damage);
    g_test_add_func("/hdf5_file/leaves nothing when not committed",
                    test_what_is_not_committed_leaves_nothing);
    g_test_add_func("/hdf5_file/leaves the old file on a full disk", test_a_full_disk_leaves_the_old_file);
    int status = g_test_run();
    scratch_remove();
    return status;
}
