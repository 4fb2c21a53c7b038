/* Keras's rule for the validation split, and that by hash. */
#include "common/dataset/dataset.h"
#include "tests/unit/fixture.h"
#include "train/data/validation_split.h"

#include <string.h>

static Dataset *list(const int *labels, const char *const *keys, const char *const *groups, guint n,
                     guint classes)
{
    Dataset *images = dataset_new("");
    for (guint c = 0; c < classes; c++)
        g_ptr_array_add(images->classes, g_strdup_printf("%c", 'a' + (char)c));
    for (guint i = 0; i < n; i++)
        dataset_add(images, keys[i], labels[i])->group = groups ? g_strdup(groups[i]) : NULL;
    return images;
}

static gboolean *split_of(const int *labels, const char *const *keys, guint n, guint classes, double split,
                          ValidationOrder order)
{
    g_autoptr(Dataset) images = list(labels, keys, NULL, n, classes);
    return validation_split(images, split, order, NULL);
}

/* int(0.15 * 7) = 1 image of class 0, int(0.15 * 20) = 3 of class 1, int(0.15 * 6) = 0 of class 2: the first of each. */
static void test_the_first_of_each_class_validate(void)
{
    enum { N = 33 };
    const guint sizes[] = {7, 20, 6}, expected[] = {1, 3, 0};
    int labels[N];
    g_auto(GStrv) keys = g_new0(char *, N + 1);
    guint left[3] = {7, 20, 6}, seen[3] = {0};
    for (int i = 0, c = 0; i < N; c = (c + 1) % 3) /* in turn, as long as a class has some left */
        if (left[c]) {
            keys[i] = g_strdup_printf("%d/%02d.jpg", c, i);
            labels[i++] = c;
            left[c]--;
        }
    g_autofree gboolean *validates =
        split_of(labels, (const char *const *)keys, N, 3, 0.15, VALIDATION_KERAS);
    for (int i = 0; i < N; i++)
        g_assert_cmpint(validates[i], ==, seen[labels[i]]++ < expected[labels[i]]);
    for (int c = 0; c < 3; c++)
        g_assert_cmpuint(seen[c], ==, sizes[c]);
}

static void test_a_split_of_nothing_is_empty(void)
{
    const int labels[] = {0, 1, 1};
    const char *const keys[] = {"a/1", "b/1", "b/2"};
    g_autofree gboolean *validates = split_of(labels, keys, 3, 2, 0, VALIDATION_HASH);
    for (int i = 0; i < 3; i++)
        g_assert_false(validates[i]);
    g_autofree gboolean *none = split_of(labels, keys, 0, 0, 0.5, VALIDATION_HASH);
    g_assert_nonnull(none);
}

/* Python: sorted(os.walk("c"), key=lambda x: x[0]), and sorted(files) of each. */
static void test_a_folders_files_come_before_those_of_its_subfolders(void)
{
    const char *const keys[] = {"c/a b/1", "c/a-x/1", "c/a/1", "c/a/b/0", "c/a/z", "c/b", "c/z"};
    const char *const walk[] = {"c/b", "c/z", "c/a/1", "c/a/z", "c/a b/1", "c/a-x/1", "c/a/b/0"};
    const int labels[7] = {0};
    for (guint first = 0; first <= 7; first++) {
        g_autofree gboolean *validates = split_of(labels, keys, 7, 1, first / 7.0 + 1e-9, VALIDATION_KERAS);
        for (guint i = 0; i < 7; i++) {
            guint place = 0;
            while (!g_str_equal(walk[place], keys[i]))
                place++;
            g_assert_cmpint(validates[i], ==, place < first);
        }
    }
}

/* Of XXH3-64: by the xxhash module of Python (3.2), the lowest five of a/0 … a/9; b/1 is below b/0. */
static void test_the_lowest_hashes_validate(void)
{
    enum { N = 13 };
    int labels[N] = {0};
    g_auto(GStrv) keys = g_new0(char *, N + 1);
    for (guint i = 0; i < N; i++) {
        labels[i] = i < 10 ? 0 : i < 12 ? 1 : 2;
        keys[i] = i < 10   ? g_strdup_printf("a/%u", i)
                  : i < 12 ? g_strdup_printf("b/%u", i - 10)
                           : g_strdup("c/0");
    }
    g_autofree gboolean *validates = split_of(labels, (const char *const *)keys, N, 3, 0.5, VALIDATION_HASH);
    g_autoptr(GString) chosen = g_string_new(NULL);
    for (guint i = 0; i < N; i++)
        if (validates[i])
            g_string_append_printf(chosen, "%s ", keys[i]);
    g_assert_cmpstr(chosen->str, ==, "a/3 a/6 a/7 a/8 a/9 b/1 ");
}

static void test_groups_stay_together_or_are_refused(void)
{
    const char *const groups[] = {"x", "x", "y", "y", "z", "z", "x", "u"};
    const char *const keys[] = {"a/1", "a/2", "a/3", "a/4", "b/1", "b/2", "b/3", "b/4"};
    const int labels[] = {0, 0, 0, 0, 1, 1, 1, 1};
    g_autoptr(Dataset) images = list(labels, keys, groups, 8, 2);
    g_autoptr(GError) error = NULL;
    g_autofree gboolean *validates = validation_split(images, 0.5, VALIDATION_HASH, &error);
    SplitPart parts[2];
    g_assert_true(split_parts(images, 0.5, VALIDATION_HASH, parts, &error));
    g_assert_no_error(error);
    for (int p = 0; p < 2; p++) {
        for (guint i = 0; i < parts[p].count; i++) {
            guint item = parts[p].items[i];
            g_assert_true(validates[item] == p && parts[p].labels[i] == labels[item]);
            g_assert_cmpstr(groups[parts[p].items[parts[p].units[i]]], ==, groups[item]);
        }
        split_part_clear(&parts[p]);
    }
    g_assert_cmpuint(parts[0].count + parts[1].count, ==, 8);
    for (guint i = 0; i < 8; i++)
        for (guint j = 0; j < 8; j++)
            g_assert_true(validates[i] == validates[j] || strcmp(groups[i], groups[j]) != 0);
    g_assert_true(validates[0] != validates[2]);
    g_assert_null(validation_split(images, 0.5, VALIDATION_KERAS, &error));
    g_assert_nonnull(strstr(error->message, "would part images of a group, such as x"));
}

/* ---- tests/golden/make_keras_files.py ---- */
static void make_files(const char *root, const json_t *files)
{
    json_t *name;
    size_t i;
    json_array_foreach(files, i, name)
    {
        g_autofree char *path = g_build_filename(root, json_string_value(name), NULL);
        g_autofree char *folder = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, "", 0, NULL));
    }
}

static gboolean has(const json_t *names, const char *name)
{
    json_t *item;
    size_t i;
    json_array_foreach(names, i, item)
    {
        if (g_str_equal(json_string_value(item), name))
            return TRUE;
    }
    return FALSE;
}

static void assert_split_as_keras(const Dataset *dataset, const json_t *expected)
{
    guint n = dataset->items->len;
    const json_t *training = json_object_get(expected, "training"),
                 *validation = json_object_get(expected, "validation");
    g_autofree int *labels = g_new(int, n);
    g_autofree const char **keys = g_new(const char *, n);
    for (guint i = 0; i < n; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        labels[i] = item->label, keys[i] = item->key;
    }
    g_autofree gboolean *validates =
        split_of(labels, keys, n, dataset->classes->len, number(expected, "split"), VALIDATION_KERAS);
    g_assert_cmpuint(json_array_size(training) + json_array_size(validation), ==, n);
    for (guint i = 0; i < n; i++)
        g_assert_true(has(validates[i] ? validation : training, keys[i]));
}

static void test_folders_are_listed_and_split_as_keras_does(void)
{
    json_t *golden = json_load_file("tests/golden/keras_files.json", JSON_REJECT_DUPLICATES, NULL), *expected;
    const json_t *classes = json_object_get(golden, "classes");
    g_autofree char *root = g_dir_make_tmp("vggcache-test-XXXXXX", NULL);
    size_t i;
    make_files(root, json_object_get(golden, "files"));
    g_autoptr(Dataset) dataset = dataset_scan(root, NULL, NULL);
    g_assert_nonnull(dataset);
    g_assert_cmpuint(dataset->classes->len, ==, json_array_size(classes));
    for (guint k = 0; k < dataset->classes->len; k++)
        g_assert_cmpstr(dataset->classes->pdata[k], ==, json_string_value(json_array_get(classes, k)));
    json_array_foreach(json_object_get(golden, "folders"), i, expected)
    {
        assert_split_as_keras(dataset, expected);
    }
    g_assert_cmpuint(i, ==, 6);
    remove_tree(root);
    json_decref(golden);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/validation_split/the first of each class validate",
                    test_the_first_of_each_class_validate);
    g_test_add_func("/validation_split/a split of nothing is empty", test_a_split_of_nothing_is_empty);
    g_test_add_func("/validation_split/the lowest hashes validate", test_the_lowest_hashes_validate);
    g_test_add_func("/validation_split/groups stay together or are refused",
                    test_groups_stay_together_or_are_refused);
    g_test_add_func("/validation_split/a folder's files come before those of its subfolders",
                    test_a_folders_files_come_before_those_of_its_subfolders);
    g_test_add_func("/validation_split/folders are listed and split as flow_from_directory does",
                    test_folders_are_listed_and_split_as_keras_does);
    return g_test_run();
}
