/* The names of enums: each value has the name at its position, and nothing else is a name. */
#include "common/cache/cache.h"
#include "common/cli/choice.h"
#include "common/image/image.h"
#include "common/model/scaling.h"
#include "common/network/optimizer.h"
#include "evaluate/options.h"
#include "evaluate/report/confusion.h"
#include "train/options.h"

static const char choices[] = "a|bcd|ef";

static void test_each_name_is_found_at_its_place(void)
{
    g_assert_cmpstr(choice_name(choices, 0), ==, "a");
    g_assert_cmpstr(choice_name(choices, 1), ==, "bcd");
    g_assert_cmpstr(choice_name(choices, 2), ==, "ef");
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(choice_find(choices, choice_name(choices, i)), ==, i);
}

static void test_parts_of_names_are_not_names(void)
{
    const char *const wrong[] = {"", "b", "bc", "bcde", "a|bcd", "|", "A", "ef|"};
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_cmpint(choice_find(choices, wrong[i]), ==, -1);
}

/* An enum's values and names are written in two places; checking the ends and one in the middle detects a shift. */
static void test_enums_have_the_names_of_their_values(void)
{
    const struct {
        const char *names;
        int value;
        const char *name;
    } cases[] = {
        {APPROACH_CHOICES, APPROACH_STANDALONE, "standalone"},
        {APPROACH_CHOICES, APPROACH_BOOTSTRAP, "bootstrap"},
        {APPROACH_CHOICES, APPROACH_FINETUNE, "finetune"},
        {APPROACH_CHOICES, APPROACH_SCRATCH, "scratch"},
        {HEAD_CHOICES, HEAD_DENSE, "dense"},
        {HEAD_CHOICES, HEAD_LINEAR, "linear"},
        {OPTIMIZER_CHOICES, OPTIMIZER_ADAM, "adam"},
        {OPTIMIZER_CHOICES, OPTIMIZER_RMSPROP, "rmsprop"},
        {OPTIMIZER_CHOICES, OPTIMIZER_SGD, "sgd"},
        {PRESET_CHOICES, PRESET_KERAS, "keras"},
        {PRESET_CHOICES, PRESET_TORCHVISION, "torchvision"},
        {PRESET_CHOICES, PRESET_VIPS, "vips"},
        {NORMALIZATION_CHOICES, NORMALIZE_CAFFE, "caffe"},
        {NORMALIZATION_CHOICES, NORMALIZE_TORCH, "torch"},
        {NORMALIZATION_CHOICES, NORMALIZE_UNIT, "unit"},
        {SCALING_CHOICES, SCALE_NONE, "none"},
        {SCALING_CHOICES, SCALE_MAX, "max"},
        {SCALING_CHOICES, SCALE_STANDARD, "standard"},
        {SCALING_CHOICES, SCALE_L2, "l2"},
        {CACHE_STORE_CHOICES, CACHE_SPARSE, "sparse"},
        {CACHE_STORE_CHOICES, CACHE_FLOAT16, "float16"},
        {CACHE_STORE_CHOICES, CACHE_FLOAT32, "float32"},
        {CONFUSION_CHOICES, CONFUSION_COUNTS, "none"},
        {CONFUSION_CHOICES, CONFUSION_TRUE, "true"},
        {CONFUSION_CHOICES, CONFUSION_PREDICTED, "pred"},
        {CONFUSION_CHOICES, CONFUSION_ALL, "all"},
        {FORMAT_CHOICES, FORMAT_TEXT, "text"},
        {FORMAT_CHOICES, FORMAT_CSV, "csv"},
        {FORMAT_CHOICES, FORMAT_JSONL, "jsonl"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(choice_name(cases[i].names, cases[i].value), ==, cases[i].name);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/choice/each name is found at its place", test_each_name_is_found_at_its_place);
    g_test_add_func("/choice/parts of names are not names", test_parts_of_names_are_not_names);
    g_test_add_func("/choice/enums have the names of their values",
                    test_enums_have_the_names_of_their_values);
    return g_test_run();
}
