/* partition: images that have a place keep it, whatever a class lacks. */
#include "common/dataset/partition.h"

static void test_a_class_is_given_what_is_free(void)
{
    static const char *const classes[] = {"a", "b"};
    g_autoptr(GError) error = NULL;
    /* Of a, the two that are trained on make the smallest units; the new one goes with too many of b. */
    PartitionItem items[] = {
        {.label = 0, .unit = 0, .place = 0},  {.label = 0, .unit = 1, .place = 0},
        {.label = 0, .unit = 2, .place = -1}, {.label = 1, .unit = 2, .place = -1},
        {.label = 1, .unit = 2, .place = -1}, {.label = 1, .unit = 2, .place = -1},
        {.label = 1, .unit = 6, .place = 0},  {.label = 1, .unit = 7, .place = 0},
        {.label = 1, .unit = 8, .place = 1},  {.label = 1, .unit = 9, .place = 1},
    };
    static const int expected[] = {0, 0, 1, 1, 1, 1, 0, 0, 1, 1};
    g_assert_true(partition(items, G_N_ELEMENTS(items), 0.25, classes, 2, "--split-test", &error));
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(items); i++)
        g_assert_cmpint(items[i].place, ==, expected[i]);
}

static void test_a_class_follows_its_groups(void)
{
    static const char *const classes[] = {"a", "b"};
    g_autoptr(GError) error = NULL;
    /* Both of b are new, in two groups that are trained on. */
    PartitionItem items[] = {
        {.label = 0, .unit = 0, .place = 0},  {.label = 0, .unit = 1, .place = 0},
        {.label = 0, .unit = 2, .place = 1},  {.label = 1, .unit = 0, .place = -1},
        {.label = 1, .unit = 1, .place = -1},
    };
    g_assert_false(partition(items, G_N_ELEMENTS(items), 0.5, classes, 2, "--split-test", &error));
    g_assert_cmpstr(error->message, ==,
                    "--split-test: the training part already has all 2 images of class b, or others of their "
                    "groups, and images stay where they are: name a new CACHE");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/partition/a class is given what is free", test_a_class_is_given_what_is_free);
    g_test_add_func("/partition/a class follows its groups", test_a_class_follows_its_groups);
    return g_test_run();
}
