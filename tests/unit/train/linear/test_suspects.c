/* Suspect labels by confident learning, against cases worked out by hand from the paper's definition. */
#include "train/linear/suspects.h"

#include <math.h>

enum { L = 3 };

/* Thresholds (means of p of the own label): class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.7 + 0.5) / 2 = 0.6,
 * class 2 (0.6 + 0.2) / 2 = 0.4. */
static const float probabilities[][L] = {
    {0.9f, 0.05f, 0.05f}, {0.8f, 0.1f, 0.1f}, {0.1f, 0.2f, 0.7f}, /* labelled 0 */
    {0.2f, 0.7f, 0.1f},   {0.3f, 0.5f, 0.2f},                     /* 1; the second reaches no threshold */
    {0.2f, 0.2f, 0.6f},   {0.1f, 0.7f, 0.2f},                     /* 2 */
};
static const int labels[] = {0, 0, 0, 1, 1, 2, 2};

static void assert_suspect(const GArray *suspects, guint s, guint image, int label, int suggested,
                           double score)
{
    const Suspect *suspect = &g_array_index(suspects, Suspect, s);
    g_assert_cmpuint(suspect->image, ==, image);
    g_assert_cmpint(suspect->label, ==, label);
    g_assert_cmpint(suspect->suggested, ==, suggested);
    g_assert_cmpfloat_with_epsilon(suspect->score, score, 1e-6);
}

static void test_off_diagonal_of_the_confident_joint(void)
{
    g_autoptr(GArray) suspects = suspects_find(&probabilities[0][0], labels, G_N_ELEMENTS(labels), L);
    g_assert_cmpuint(suspects->len, ==, 2);
    assert_suspect(suspects, 0, 2, 0, 2, 0.6);
    assert_suspect(suspects, 1, 6, 2, 1, 0.5);
}

/* 0.45 is below class 0's threshold, 0.41 above class 2's: the less probable class is the confident one. */
static void test_a_class_below_its_threshold_is_no_member(void)
{
    float p[G_N_ELEMENTS(labels) + 1][L];
    int l[G_N_ELEMENTS(labels) + 1];
    for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
        l[i] = labels[i];
        for (guint k = 0; k < L; k++)
            p[i][k] = probabilities[i][k];
    }
    const float last[L] = {0.45f, 0.14f, 0.41f};
    l[G_N_ELEMENTS(labels)] = 1;
    for (guint k = 0; k < L; k++)
        p[G_N_ELEMENTS(labels)][k] = last[k];
    g_autoptr(GArray) suspects = suspects_find(&p[0][0], l, G_N_ELEMENTS(l), L);
    assert_suspect(suspects, suspects->len - 1, G_N_ELEMENTS(labels), 1, 2, 0.27);
}

/* Class 0's threshold is (0.8 + 0.4 + 0.3 + 0.1) / 4 = 0.4, class 1's 0.6. Of four images labelled 0, two are members
 * of 0, one is a member of 1, and one of none: n_01 = 1/3 * 4 = 1.33, rounded 1. With the second no member of 0
 * either it is 2. */
static void test_counts_are_scaled_to_all_images_of_the_label(void)
{
    float p[][2] = {{0.8f, 0.2f}, {0.41f, 0.59f}, {0.3f, 0.7f}, {0.09f, 0.55f}, {0.4f, 0.6f}};
    const int l[] = {0, 0, 0, 0, 1};
    g_autoptr(GArray) one = suspects_find(&p[0][0], l, 5, 2);
    g_assert_cmpuint(one->len, ==, 1);
    assert_suspect(one, 0, 3, 0, 1, 0.46);
    p[1][0] = 0.38f;
    g_autoptr(GArray) two = suspects_find(&p[0][0], l, 5, 2);
    g_assert_cmpuint(two->len, ==, 2);
    assert_suspect(two, 1, 2, 0, 1, 0.4);
}

static void test_images_without_finite_probabilities_are_passed_over(void)
{
    const float p[][L] = {{NAN, 0, 1}, {0, 0, 1}, {1, 0, 0}};
    const int l[] = {0, 0, 0};
    g_autoptr(GArray) suspects = suspects_find(&p[0][0], l, 3, L);
    g_assert_cmpuint(suspects->len, ==, 0); /* class 2 has no image, so no threshold to reach */
}

static void test_csv_quotes_names(void)
{
    const char *const paths[] = {"", "", "a,b/x.jpg", "", "", "", "c/y.jpg"}, *const names[] = {"a,b", "c",
                                                                                                "d"};
    g_autoptr(GArray) suspects = suspects_find(&probabilities[0][0], labels, G_N_ELEMENTS(labels), L);
    g_autofree char *csv = suspects_csv(suspects, paths, names);
    g_assert_cmpstr(csv, ==,
                    "path,label,suggested,score\n\"a,b/x.jpg\",\"a,b\",d,0.600000\nc/y.jpg,d,c,0.500000\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/suspects/are off the confident joint's diagonal, most certain first",
                    test_off_diagonal_of_the_confident_joint);
    g_test_add_func("/suspects/a class below its threshold is not suggested",
                    test_a_class_below_its_threshold_is_no_member);
    g_test_add_func("/suspects/counts are scaled to all images of the label",
                    test_counts_are_scaled_to_all_images_of_the_label);
    g_test_add_func("/suspects/images without finite probabilities are passed over",
                    test_images_without_finite_probabilities_are_passed_over);
    g_test_add_func("/suspects/CSV quotes names", test_csv_quotes_names);
    return g_test_run();
}
