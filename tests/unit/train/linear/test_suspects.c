/* Suspect labels against the same likelihood maximised by SciPy (Nelder-Mead), with numbers that it printed. */
#include "train/linear/suspects.h"

#include <math.h>

enum { N = 40, L = 3 };

typedef struct {
    float values[N][L];
    int labels[N];
} Set;

/* Three classes in turn; images 4, 17 and 29 have the label of the next class. */
static Set set_of(void)
{
    Set set;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < L; k++)
            set.values[i][k] = 0.5f * (float)cos(1.7 * i + 2 * k);
        set.values[i][i % L] += 0.7f;
        set.labels[i] = (i % L + (i == 4 || i == 17 || i == 29)) % L;
    }
    return set;
}

static void test_scores_are_those_of_maximum_likelihood(void)
{
    static const Suspect expected[] = {{17, 0, 2, 0.862687}, {4, 2, 0, 0.393351},  {24, 0, 2, 0.117932},
                                       {9, 0, 2, 0.117453},  {39, 0, 1, 0.107609}, {14, 2, 1, 0.102067}};
    Set set = set_of();
    g_autoptr(GArray) suspects = suspects_find(&set.values[0][0], set.labels, N, L);
    g_assert_cmpuint(suspects->len, ==, G_N_ELEMENTS(expected)); /* the next one's score is 0.096 */
    for (guint s = 0; s < suspects->len; s++) {
        const Suspect *suspect = &g_array_index(suspects, Suspect, s);
        g_assert_cmpuint(suspect->image, ==, expected[s].image);
        g_assert_cmpint(suspect->label, ==, expected[s].label);
        g_assert_cmpint(suspect->suggested, ==, expected[s].suggested);
        g_assert_cmpfloat_with_epsilon(suspect->score, expected[s].score, 2e-4);
    }
}

static void test_clear_labels_are_not_listed(void)
{
    Set set = set_of();
    for (int i = 0; i < N; i++) {
        set.labels[i] = i % L;
        set.values[i][i % L] += 2;
    }
    g_autoptr(GArray) suspects = suspects_find(&set.values[0][0], set.labels, N, L);
    g_assert_cmpuint(suspects->len, ==, 0);
}

static void test_csv_quotes_names(void)
{
    const char *const paths[] = {"a,b/x.jpg", "c/y.jpg"}, *const names[] = {"a,b", "c"};
    const Suspect both[] = {{0, 0, 1, 0.6}, {1, 1, 0, 0.5}};
    g_autoptr(GArray) suspects = g_array_new(FALSE, FALSE, sizeof(Suspect));
    g_array_append_vals(suspects, both, 2);
    g_autofree char *csv = suspects_csv(suspects, paths, names);
    g_assert_cmpstr(
        csv, ==,
        "path,label,suggested,score\n\"a,b/x.jpg\",\"a,b\",c,0.600000\nc/y.jpg,c,\"a,b\",0.500000\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/suspects/scores are those of maximum likelihood",
                    test_scores_are_those_of_maximum_likelihood);
    g_test_add_func("/suspects/clear labels are not listed", test_clear_labels_are_not_listed);
    g_test_add_func("/suspects/CSV quotes names", test_csv_quotes_names);
    return g_test_run();
}
