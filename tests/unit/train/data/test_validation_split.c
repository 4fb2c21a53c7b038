/* Keras's rule for the validation split. */
#include "train/data/validation_split.h"

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
    g_autofree gboolean *validates = validation_split(labels, (const char *const *)keys, N, 3, 0.15);
    for (int i = 0; i < N; i++)
        g_assert_cmpint(validates[i], ==, seen[labels[i]]++ < expected[labels[i]]);
    for (int c = 0; c < 3; c++)
        g_assert_cmpuint(seen[c], ==, sizes[c]);
}

static void test_a_split_of_nothing_is_empty(void)
{
    const int labels[] = {0, 1, 1};
    const char *const keys[] = {"a/1", "b/1", "b/2"};
    g_autofree gboolean *validates = validation_split(labels, keys, 3, 2, 0);
    for (int i = 0; i < 3; i++)
        g_assert_false(validates[i]);
    g_autofree gboolean *none = validation_split(labels, keys, 0, 0, 0.5);
    g_assert_nonnull(none);
}

/* Python: sorted(os.walk("c"), key=lambda x: x[0]), and sorted(files) of each. */
static void test_a_folders_files_come_before_those_of_its_subfolders(void)
{
    const char *const keys[] = {"c/a b/1", "c/a-x/1", "c/a/1", "c/a/b/0", "c/a/z", "c/b", "c/z"};
    const char *const walk[] = {"c/b", "c/z", "c/a/1", "c/a/z", "c/a b/1", "c/a-x/1", "c/a/b/0"};
    const int labels[7] = {0};
    for (guint first = 0; first <= 7; first++) {
        g_autofree gboolean *validates = validation_split(labels, keys, 7, 1, first / 7.0 + 1e-9);
        for (guint i = 0; i < 7; i++) {
            guint place = 0;
            while (!g_str_equal(walk[place], keys[i]))
                place++;
            g_assert_cmpint(validates[i], ==, place < first);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/validation_split/the first of each class validate",
                    test_the_first_of_each_class_validate);
    g_test_add_func("/validation_split/a split of nothing is empty", test_a_split_of_nothing_is_empty);
    g_test_add_func("/validation_split/a folder's files come before those of its subfolders",
                    test_a_folders_files_come_before_those_of_its_subfolders);
    return g_test_run();
}
