/* Cosines of vectors with every image of caches, against sums in double precision: few and many vectors, several
 * blocks and caches, lengths whose squares exceed the range of float. */
#include "common/cache/cosines.h"
#include "tests/unit/fixture.h"

#include <math.h>

enum { SIDE = 4, D = SIDE * SIDE * 3, FIRST = 300, SECOND = 5, N = FIRST + SECOND, VECTORS = 9 };

/* Feature j of image i; lengths include 0, 1e-20 and 1e20. */
static float feature(guint i, guint j)
{
    const float scale[] = {1, 0, 1e-20f, 1e20f};
    return scale[i % 7 < 4 ? i % 7 : 0] * sinf((float)(i * 31 + j * j));
}

static void make_cache(const char *folder, guint from, guint to)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(SIDE);
    g_autoptr(GError) error = NULL;
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_no_error(error);
    for (guint i = from; i < to; i++) {
        float x[D];
        guint8 hash[CACHE_HASH];
        g_autofree char *path = g_strdup_printf("a/%05u.jpg", i);
        for (guint j = 0; j < D; j++)
            x[j] = feature(i, j);
        fixture_hash(i, hash);
        cache_writer_put(writer, path, &(CacheLabel){.class_name = "a"}, hash, x);
    }
    g_assert_true(cache_writer_commit(writer, &error));
}

static double cosine(guint a, guint b)
{
    double ab = 0, aa = 0, bb = 0;
    for (guint j = 0; j < D; j++) {
        double x = feature(a, j), y = feature(b, j);
        ab += x * y, aa += x * x, bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa) / sqrt(bb) : 0;
}

typedef struct {
    guint n;
    gboolean seen[N];
} Seen;

static void take(guint first, guint count, const float *cosines, gpointer user)
{
    Seen *seen = user;
    for (guint i = first; i < first + count; i++) {
        g_assert_false(seen->seen[i]);
        seen->seen[i] = TRUE;
        for (guint v = 0; v < seen->n; v++)
            g_assert_cmpfloat_with_epsilon((double)cosines[v * COSINES_BLOCK + i - first], cosine(v, i),
                                           2e-6);
    }
}

static void test_scan(void)
{
    g_autofree char *one = fixture_folder(), *two = fixture_folder();
    g_autoptr(GError) error = NULL;
    make_cache(one, 0, FIRST);
    make_cache(two, FIRST, N);
    Cache *caches[] = {cache_open(one, &error), cache_open(two, &error)};
    g_assert_no_error(error);
    for (guint threads = 1; threads <= 3; threads += 2) {
        g_autoptr(ThreadPool) pool = thread_pool_new(threads);
        g_autoptr(Cosines) cosines = cosines_new(caches, 2, pool);
        g_assert_cmpstr(cosines_item(cosines, FIRST)->path, ==, "a/00300.jpg");
        float vectors[VECTORS * D];
        g_assert_true(cosines_vectors(cosines, 0, VECTORS, vectors, &error));
        for (guint n = 1; n <= VECTORS; n += 4)
            for (guint first = 0; first <= COSINES_BLOCK; first += COSINES_BLOCK) {
                Seen seen = {.n = n};
                g_assert_true(cosines_scan(cosines, vectors, n, first, take, &seen, &error));
                for (guint i = 0; i < N; i++)
                    g_assert_cmpint(seen.seen[i], ==, i >= first);
            }
    }
    cache_close(caches[0]);
    cache_close(caches[1]);
    remove_tree(one);
    remove_tree(two);
}

static void test_threshold(void)
{
    g_autoptr(FeatureSpec) spec = model_spec("block5_pool", 224, 7, 512);
    g_assert_cmpfloat(cosines_alike(spec), ==, 0.99);
    spec->weights_source = (g_free(spec->weights_source), g_strdup("vgg16.h5"));
    g_assert_cmpfloat(cosines_alike(spec), ==, 0.7);
    g_assert_true(feature_spec_pool(spec, POOL_AVG, NULL));
    g_assert_cmpfloat(cosines_alike(spec), ==, 0.9);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cosines/each image is compared once and exactly", test_scan);
    g_test_add_func("/cosines/images are alike from a cosine that suits the features", test_threshold);
    return g_test_run();
}
