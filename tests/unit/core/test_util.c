/* thread pool, rng, output_file: the small tools everything stands on. */
#include "common/core/output_file.h"
#include "common/core/rng.h"
#include "common/core/sha256.h"
#include "common/core/thread_pool.h"

#include <glib/gstdio.h>
#include <math.h>

static void count_task(guint task, guint worker, gpointer data)
{
    g_atomic_int_inc(&((gint *)data)[task]);
}

static void test_thread_pool_runs_each_task_once(gconstpointer threads)
{
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(GPOINTER_TO_UINT(threads));
    g_assert_cmpuint(thread_pool_threads(thread_pool), ==, GPOINTER_TO_UINT(threads));
    for (guint tasks = 0; tasks < 300; tasks += 1 + tasks / 3) {
        g_autofree gint *counts = g_new0(gint, tasks + 1);
        thread_pool_run(thread_pool, tasks, count_task, counts);
        for (guint i = 0; i < tasks; i++)
            g_assert_cmpint(counts[i], ==, 1);
        g_assert_cmpint(counts[tasks], ==, 0);
    }
}

static void test_rng_streams_repeat_and_differ(void)
{
    Rng a = rng_new(42, 1), b = rng_new(42, 1), c = rng_new(42, 2), d = rng_new(43, 1);
    guint64 first = rng_next(&a);
    g_assert_cmpuint(first, ==, rng_next(&b));
    g_assert_cmpuint(first, !=, rng_next(&c));
    g_assert_cmpuint(first, !=, rng_next(&d));
}

static void test_rng_moments(void)
{
    enum { N = 200000 };
    Rng rng = rng_new(7, 0);
    double sum = 0, squares = 0, fourth = 0, uniform = 0;
    for (int i = 0; i < N; i++) {
        double z = rng_normal(&rng), u = rng_uniform(&rng);
        g_assert_true(u >= 0 && u < 1);
        sum += z, squares += z * z, fourth += z * z * z * z, uniform += u;
    }
    /* Five standard errors of each estimate. */
    g_assert_cmpfloat(fabs(sum / N), <, 5 / sqrt(N));
    g_assert_cmpfloat(fabs(squares / N - 1), <, 5 * sqrt(2.0 / N));
    g_assert_cmpfloat(fabs(fourth / N - 3), <, 5 * sqrt(96.0 / N));
    g_assert_cmpfloat(fabs(uniform / N - 0.5), <, 5 / sqrt(12.0 * N));
}

static void test_rng_below_is_even(void)
{
    enum { N = 70000, SIDES = 7 };
    Rng rng = rng_new(1, 1);
    int counts[SIDES] = {0};
    for (int i = 0; i < N; i++)
        counts[rng_below(&rng, SIDES)]++;
    double chi = 0, expected = (double)N / SIDES;
    for (int i = 0; i < SIDES; i++)
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    g_assert_cmpfloat(chi, <, 27.9); /* chi-squared, 6 degrees of freedom, p = 1e-4 */
    g_assert_cmpuint(rng_below(&rng, 1), ==, 0);
}

static void test_rng_shuffle_is_a_permutation(void)
{
    guint32 items[100], seen[100] = {0}, moved = 0;
    for (guint32 i = 0; i < 100; i++)
        items[i] = i;
    Rng rng = rng_new(3, 0);
    rng_shuffle(&rng, items, 100);
    for (guint32 i = 0; i < 100; i++) {
        seen[items[i]]++;
        moved += items[i] != i;
    }
    for (guint32 i = 0; i < 100; i++)
        g_assert_cmpuint(seen[i], ==, 1);
    g_assert_cmpuint(moved, >, 80);
}

static void test_output_file_replaces_whole(void)
{
    g_autofree char *folder = g_dir_make_tmp("vggcache-XXXXXX", NULL),
                    *path = g_build_filename(folder, "a", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(output_file_write(path, "first", 5, &error));
    g_assert_true(output_file_write(path, "second", 6, &error));
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "second");
    g_unlink(path);
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* empty: no temporary is left */
}

static void test_output_file_failure_names_the_file_and_leaves_nothing(void)
{
    g_autofree char *folder = g_dir_make_tmp("vggcache-XXXXXX", NULL),
                    *path = g_build_filename(folder, "a", NULL);
    g_autoptr(GError) error = NULL;
    g_mkdir(path, 0700); /* a folder stands where the file should go: the rename fails */
    g_assert_false(output_file_write(path, "x", 1, &error));
    g_assert_nonnull(error);
    g_assert_true(g_str_has_prefix(error->message, path));
    g_rmdir(path);
    g_assert_cmpint(g_rmdir(folder), ==, 0);

    g_clear_error(&error);
    g_assert_false(output_file_write("/nowhere/at/all", "x", 1, &error));
    g_assert_true(g_str_has_prefix(error->message, "/nowhere/at/all: cannot create"));
}

/* FIPS 180-4's examples, at once and in pieces. */
static void sha256_gives_the_standards_digests(void)
{
    static const char *const texts[] = {"", "abc",
                                        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};
    static const guint8 starts[][4] = {
        {0xe3, 0xb0, 0xc4, 0x42}, {0xba, 0x78, 0x16, 0xbf}, {0x24, 0x8d, 0x6a, 0x61}};
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        guint8 whole[SHA256_SIZE], pieces[SHA256_SIZE];
        sha256(texts[i], strlen(texts[i]), whole);
        Sha256 *sum = sha256_new();
        for (const char *c = texts[i]; *c; c++)
            sha256_update(sum, c, 1);
        sha256_finish(sum, pieces);
        g_assert_cmpmem(whole, 4, starts[i], 4);
        g_assert_cmpmem(whole, SHA256_SIZE, pieces, SHA256_SIZE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/thread pool/one thread runs each task once", GUINT_TO_POINTER(1),
                         test_thread_pool_runs_each_task_once);
    g_test_add_data_func("/thread pool/five threads run each task once", GUINT_TO_POINTER(5),
                         test_thread_pool_runs_each_task_once);
    g_test_add_func("/rng/streams repeat and differ", test_rng_streams_repeat_and_differ);
    g_test_add_func("/rng/moments are those of the distributions", test_rng_moments);
    g_test_add_func("/rng/below is even", test_rng_below_is_even);
    g_test_add_func("/rng/shuffle is a permutation", test_rng_shuffle_is_a_permutation);
    g_test_add_func("/output_file/replaces whole", test_output_file_replaces_whole);
    g_test_add_func("/output_file/failure names the file and leaves nothing",
                    test_output_file_failure_names_the_file_and_leaves_nothing);
    g_test_add_func("/sha256/gives the standard\'s digests", sha256_gives_the_standards_digests);
    return g_test_run();
}
