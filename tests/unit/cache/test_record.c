/* Records: damage is detected, every store returns what was put, and caches of version 0.1.0 are read. */
#include "common/cache/cache_error.h"
#include "tests/unit/fixture.h"

#include <string.h>

/* Flips a bit at every occurrence of these bytes in data.mdb. */
static void alter(const char *folder, const void *bytes, gsize size)
{
    g_autofree char *path = g_build_filename(folder, "data.mdb", NULL);
    g_autofree char *content = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &content, &length, NULL));
    char *place = memmem(content, length, bytes, size);
    g_assert_nonnull(place);
    for (; place; place = memmem(place, length - (gsize)(place - content), bytes, size))
        place[size / 2] ^= 1;
    g_assert_true(g_file_set_contents(path, content, (gssize)length, NULL));
}

static void altered_features_are_found_and_computed_anew(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    guint8 hash[CACHE_HASH];
    float victim[4];
    for (gsize j = 0; j < 4; j++)
        victim[j] = fixture_feature(3, j);
    fixture_cache(folder, FIXTURE_SIDE, 9);
    alter(folder, victim, sizeof victim);

    Cache *cache = open_cache(folder);
    guint bad = 0;
    float buffer[FIXTURE_FEATURES];
    for (guint i = 0; i < cache_count(cache); i++) {
        g_clear_error(&error);
        if (!cache_features(cache, i, buffer, &error)) {
            bad++;
            g_assert_cmpstr(cache_item(cache, i)->path, ==, "class0/image00003.jpg");
            g_assert_error(error, CACHE_ERROR, CACHE_ERROR_DAMAGED);
        }
    }
    g_assert_cmpuint(bad, ==, 1);
    cache_close(cache);

    CacheWriter *writer = open_writer(folder, spec);
    g_assert_false(cache_writer_lookup(writer, "class0/image00003.jpg", hash));
    g_assert_true(cache_writer_lookup(writer, "class1/image00004.jpg", hash));
    fixture_put(writer, spec, 3);
    commit_cache(writer);
    cache_writer_close(writer);
    cache = open_cache(folder);
    check_cache(cache, 9);
    cache_close(cache);
    remove_tree(folder);
}

static void altered_descriptions_are_refused(void)
{
    const char *victims[] = {"\"preset\":\"vips\"", "class1", "is empty", "image00004"};
    for (guint i = 0; i < G_N_ELEMENTS(victims); i++) {
        g_autofree char *folder = fixture_folder();
        fixture_cache(folder, FIXTURE_SIDE, 9);
        alter(folder, victims[i], strlen(victims[i]));
        g_autoptr(GError) error = NULL;
        g_autoptr(Cache) cache = cache_open(folder, &error);
        guint bad = 0;
        float buffer[FIXTURE_FEATURES];
        for (guint item = 0; cache && item < cache_count(cache); item++)
            bad += !cache_features(cache, item, buffer, NULL);
        g_assert_true(bad || g_error_matches(error, CACHE_ERROR, CACHE_ERROR_DAMAGED));
        remove_tree(folder);
    }
}

/* tests/golden/format1: made by version 0.1.0, before --store existed. Its features, by path:
 * a/1.png j/7; a/2.png every fourth 1.5, 3, …; b/3.png -0 at 3 and 1e-40 at 4; b/zeros.png 0; c/xx….png
 * (-1)^j j/10. */
static char *format_1(void)
{
    char *folder = fixture_folder();
    g_autofree char *content = NULL, *file = g_build_filename(folder, "data.mdb", NULL);
    gsize size;
    g_assert_true(g_file_get_contents("tests/golden/format1/data.mdb", &content, &size, NULL));
    g_assert_true(g_file_set_contents(file, content, (gssize)size, NULL));
    return folder;
}

static float format_1_feature(guint image, gsize j)
{
    switch (image) {
    case 0:
        return (float)j / 7;
    case 1:
        return j % 4 ? 0 : 1.5f * (float)(j / 4 + 1);
    case 2:
        return j == 3 ? -0.0f : j == 4 ? 1e-40f : 0;
    case 3:
        return 0;
    default:
        return (float)((j % 2 ? -1.0 : 1.0) * (double)j * 0.1);
    }
}

static void check_format_1(Cache *cache, guint shift)
{
    const char *paths[] = {"a/1.png", "a/2.png", "b/3.png", "b/zeros.png", "c/xxx"};
    float buffer[48];
    for (guint i = 0; i < 5; i++) {
        const float *features = cache_features(cache, i + shift, buffer, NULL);
        g_assert_true(g_str_has_prefix(cache_item(cache, i + shift)->path, paths[i]));
        for (gsize j = 0; j < 48; j++) {
            float expected = format_1_feature(i, j);
            g_assert_cmpmem(features + j, sizeof(float), &expected, sizeof expected);
        }
    }
}

static void a_cache_of_format_1_is_read_and_continued_in_its_format(void)
{
    g_autofree char *folder = format_1();
    gint64 nonzeros;
    Cache *cache = open_cache(folder);
    g_assert_cmpuint(cache_count(cache), ==, 5);
    g_assert_cmpint(cache_store(cache), ==, CACHE_FLOAT32);
    g_assert_cmpuint(cache_stored(cache, 1, &nonzeros), ==, 48 * sizeof(float));
    g_assert_cmpint(nonzeros, ==, -1);
    check_format_1(cache, 0);
    g_autoptr(FeatureSpec) spec = feature_spec_copy(cache_feature_spec(cache));
    cache_close(cache);

    g_autoptr(GError) error = NULL;
    CacheStore sparse = CACHE_SPARSE;
    CacheForm other = {.store = &sparse}, part = {.shard = {1, 4}};
    g_assert_null(cache_writer_open(folder, spec, &part, NULL));
    g_assert_null(cache_writer_open(folder, spec, &other, &error));
    g_assert_error(error, CACHE_ERROR, CACHE_ERROR_MISMATCH);
    g_assert_nonnull(strstr(error->message, "as float32, not as sparse"));
    CacheWriter *writer = open_writer(folder, spec);
    float zeros[48] = {0};
    guint8 hash[CACHE_HASH] = {0};
    cache_writer_put(writer, "a/0.png", "a", hash, zeros);
    commit_cache(writer);
    cache_writer_close(writer);
    cache = open_cache(folder);
    g_assert_cmpuint(cache_stored(cache, 0, &nonzeros), ==, 48 * sizeof(float)); /* not sparse */
    check_format_1(cache, 1);
    cache_close(cache);
    remove_tree(folder);
}

/* Half of the features are 0, the others multiples of 1/8, which are exact as half floats. */
static float sparse_feature(guint image, gsize j)
{
    return (j * 7 + image) % 4 < 2 ? 0 : (float)((j + image) % 100) / 8;
}

static void every_store_gives_back_what_was_put(void)
{
    for (CacheStore store = CACHE_SPARSE; store <= CACHE_FLOAT32; store++) {
        g_autofree char *folder = fixture_folder();
        g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
        CacheForm form = {.store = &store};
        CacheWriter *writer = cache_writer_open(folder, spec, &form, NULL);
        g_autofree float *features = g_new(float, FIXTURE_FEATURES), *buffer = g_new(float, FIXTURE_FEATURES);
        guint8 hash[CACHE_HASH] = {0};
        for (guint i = 0; i < 3; i++) {
            g_autofree char *path = fixture_path(i);
            for (gsize j = 0; j < FIXTURE_FEATURES; j++)
                features[j] = sparse_feature(i, j);
            if (i == 2)
                features[9] = 1e6f; /* too large for a half float: the image is stored as by sparse */
            cache_writer_put(writer, path, "a", hash, features);
        }
        commit_cache(writer);
        cache_writer_close(writer);
        const double shares[] = {[CACHE_SPARSE] = 0.55, [CACHE_FLOAT16] = 0.3, [CACHE_FLOAT32] = 1};
        g_autoptr(Cache) cache = open_cache(folder);
        g_assert_cmpint(cache_store(cache), ==, store);
        for (guint i = 0; i < 3; i++) {
            gint64 nonzeros;
            gsize full = FIXTURE_FEATURES * sizeof(float), bytes = cache_stored(cache, i, &nonzeros);
            const float *read = cache_features(cache, i, buffer, NULL);
            g_assert_true((read != buffer) == (store == CACHE_FLOAT32)); /* in place */
            for (gsize j = 0; j < FIXTURE_FEATURES; j++)
                g_assert_cmpfloat(read[j], ==, i == 2 && j == 9 ? 1e6f : sparse_feature(i, j));
            g_assert_cmpfloat((double)bytes / (double)full, <=,
                              shares[i == 2 && store == CACHE_FLOAT16 ? CACHE_SPARSE : store]);
            g_assert_cmpint(nonzeros, >, FIXTURE_FEATURES / 3);
        }
        remove_tree(folder);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/altered features are detected and computed again",
                    altered_features_are_found_and_computed_anew);
    g_test_add_func("/cache/altered descriptions are refused", altered_descriptions_are_refused);
    g_test_add_func("/cache/a cache of format 1 is read, and continued in its format",
                    a_cache_of_format_1_is_read_and_continued_in_its_format);
    g_test_add_func("/cache/every store returns what was put", every_store_gives_back_what_was_put);
    return g_test_run();
}
