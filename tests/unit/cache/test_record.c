/* Records: damage is detected, every store returns what was put, and caches of version 0.1.0 are refused. */
#include "common/cache/record.h"
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
    for (guint i = 0; i < cache->images; i++) {
        g_clear_error(&error);
        if (!cache_features(cache, i, buffer, &error)) {
            bad++;
            g_assert_cmpstr(cache_item(cache, i)->path, ==, "class0/image00003.jpg");
            g_assert_nonnull(strstr(error->message, "fail their checksum"));
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
        for (guint item = 0; cache && item < cache->images; item++)
            bad += !cache_features(cache, item, buffer, NULL);
        g_assert_true(bad || strstr(error->message, "is damaged"));
        remove_tree(folder);
    }
}

/* tests/golden/format1: made by version 0.1.0. */
static void a_cache_of_format_1_is_refused(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *content = NULL, *file = g_build_filename(folder, "data.mdb", NULL);
    gsize size;
    g_assert_true(g_file_get_contents("tests/golden/format1/data.mdb", &content, &size, NULL));
    overwrite(file, content, size);
    g_autoptr(GError) error = NULL, writing = NULL;
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_assert_null(cache_open(folder, &error));
    g_assert_null(cache_writer_open(folder, spec, NULL, &writing));
    g_assert_nonnull(strstr(error->message, "a cache of format 1"));
    g_assert_nonnull(strstr(error->message, "extract the images again into a new cache"));
    g_assert_cmpstr(error->message, ==, writing->message);
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
            cache_writer_put(writer, path, &(CacheLabel){.class_name = "a"}, hash, features);
        }
        commit_cache(writer);
        cache_writer_close(writer);
        const double shares[] = {[CACHE_SPARSE] = 0.55, [CACHE_FLOAT16] = 0.3, [CACHE_FLOAT32] = 1};
        g_autoptr(Cache) cache = open_cache(folder);
        g_assert_cmpint(cache->catalog->store, ==, store);
        for (guint i = 0; i < 3; i++) {
            guint nonzeros;
            gsize full = FIXTURE_FEATURES * sizeof(float), bytes = cache_stored(cache, i, &nonzeros);
            const float *read = cache_features(cache, i, buffer, NULL);
            g_assert_true((read != buffer) == (store == CACHE_FLOAT32)); /* in place */
            for (gsize j = 0; j < FIXTURE_FEATURES; j++)
                g_assert_cmpfloat(read[j], ==, i == 2 && j == 9 ? 1e6f : sparse_feature(i, j));
            g_assert_cmpfloat((double)bytes / (double)full, <=,
                              shares[i == 2 && store == CACHE_FLOAT16 ? CACHE_SPARSE : store]);
            g_assert_cmpuint(nonzeros, >, FIXTURE_FEATURES / 3);
        }
        remove_tree(folder);
    }
}

static void a_label_comes_back_and_what_is_wrong_with_one_is_refused(void)
{
    g_autoptr(GPtrArray) classes = g_ptr_array_new(), groups = g_ptr_array_new();
    const Catalog catalog = {.classes = classes, .groups = groups};
    for (guint i = 0; i < 3; i++)
        g_ptr_array_add(classes, (gpointer)(const char *const[]){"a", "b", "c"}[i]);
    g_ptr_array_add(groups, (gpointer) "g");
    RecordHeader header = {.class_id = 1, .group = 1, .marks = RECORD_REVIEWED | 2 * RECORD_BEFORE | 0x50};
    CacheLabel label;
    g_assert_true(record_label(&header, &catalog, &label));
    g_assert_true(cache_label_same(&label, &(CacheLabel){.class_name = "b", .group = "g", .before = "c"}));
    g_assert_cmpint(cache_label_action(&label), ==, LABELS_RELABEL);
    header.marks |= RECORD_EXCLUDED | RECORD_BEFORE_TABLED;
    g_assert_true(record_label(&header, &catalog, &label) && label.excluded && label.before_tabled);
    header.marks = 9 * RECORD_BEFORE | RECORD_EXCLUDED; /* without a meaning: nothing was reviewed */
    g_assert_true(record_label(&header, &catalog, &label) && !label.excluded && !label.before);
    header.marks = RECORD_REVIEWED | 3 * RECORD_BEFORE;
    g_assert_false(record_label(&header, &catalog, &label));
    header.marks = 0, header.class_id = 3;
    g_assert_false(record_label(&header, &catalog, &label));
    header.class_id = 0, header.group = 2;
    g_assert_false(record_label(&header, &catalog, &label));

    g_autoptr(GBytes) key = record_key("a/1"), other = record_key("b/2");
    const float features[] = {1, 0};
    guint8 hash[CACHE_HASH] = {0};
    g_autoptr(GBytes) item =
        record_item(key, "a/1", (RecordLabel){.marks = 0xfff}, hash, features, 2, CACHE_SPARSE);
    g_autoptr(GBytes) renamed =
        record_rename(record_bytes(item), other, "b/2", (RecordLabel){.marks = RECORD_TABLED});
    memcpy(&header, g_bytes_get_data(renamed, NULL), sizeof header);
    g_assert_cmphex(header.marks, ==, 0xf1); /* bits that have no name are kept */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/altered features are detected and computed again",
                    altered_features_are_found_and_computed_anew);
    g_test_add_func("/cache/altered descriptions are refused", altered_descriptions_are_refused);
    g_test_add_func("/cache/a cache of format 1 is refused", a_cache_of_format_1_is_refused);
    g_test_add_func("/cache/every store returns what was put", every_store_gives_back_what_was_put);
    g_test_add_func("/cache/a label comes back, and what is wrong with one is refused",
                    a_label_comes_back_and_what_is_wrong_with_one_is_refused);
    return g_test_run();
}
