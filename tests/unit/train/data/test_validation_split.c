/* Keras's rule for the validation split. */
#include "train/data/validation_split.h"

/* int(0.15 * 7) = 1 image of class 0, int(0.15 * 20) = 3 of class 1, int(0.15 * 6) = 0 of class 2: the first of each. */
static void test_the_first_of_each_class_validate(void)
{
    enum { N = 33 };
    const guint sizes[] = {7, 20, 6}, expected[] = {1, 3, 0};
    int labels[N];
    guint left[3] = {7, 20, 6}, seen[3] = {0};
    for (int i = 0, c = 0; i < N; c = (c + 1) % 3) /* in turn, as long as a class has some left */
        if (left[c]) {
            labels[i++] = c;
            left[c]--;
        }
    g_autofree gboolean *validates = validation_split(labels, N, 3, 0.15);
    for (int i = 0; i < N; i++)
        g_assert_cmpint(validates[i], ==, seen[labels[i]]++ < expected[labels[i]]);
    for (int c = 0; c < 3; c++)
        g_assert_cmpuint(seen[c], ==, sizes[c]);
}

static void test_a_split_of_nothing_is_empty(void)
{
    const int labels[] = {0, 1, 1};
    g_autofree gboolean *validates = validation_split(labels, 3, 2, 0);
    for (int i = 0; i < 3; i++)
        g_assert_false(validates[i]);
    g_autofree gboolean *none = validation_split(labels, 0, 0, 0.5);
    g_assert_nonnull(none);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/validation_split/the first of each class validate",
                    test_the_first_of_each_class_validate);
    g_test_add_func("/validation_split/a split of nothing is empty", test_a_split_of_nothing_is_empty);
    return g_test_run();
}
