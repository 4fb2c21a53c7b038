/* The cache: what is committed is read back exactly, whatever the order and the paths. */
#include "tests/unit/fixture.h"

#include <string.h>

static void what_is_committed_is_read_back(void)
{
    g_autofree char *folder = fixture_folder();
    fixture_cache(folder, FIXTURE_SIDE, 50);
    g_autoptr(Cache) cache = open_cache(folder);
    check_cache(cache, 50);
    g_assert_cmpuint(cache->classes->len, ==, 3);
    g_assert_cmpuint(cache->skipped->len, ==, 1);
    g_assert_cmpstr(cache_skipped(cache, 0).path, ==, "class0/broken.jpg");
    g_assert_cmpstr(cache_skipped(cache, 0).reason, ==, "is empty");
    g_assert_cmpstr(cache->path, ==, folder);
    g_assert_cmpstr(cache->catalog->program, ==, "vggcache " VGGCACHE_VERSION);
    remove_tree(folder);
}

static void what_is_not_committed_is_lost(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    fixture_put(writer, spec, 1);
    commit_cache(writer);
    fixture_put(writer, spec, 2);
    cache_writer_close(writer);
    g_autoptr(Cache) cache = open_cache(folder);
    check_cache(cache, 1);
    remove_tree(folder);
}

static void put_one(CacheWriter *writer, const char *path, const char *class_name, float value)
{
    float features[FIXTURE_FEATURES];
    guint8 hash[CACHE_HASH] = {(guint8)value};
    for (int j = 0; j < FIXTURE_FEATURES; j++)
        features[j] = value;
    cache_writer_put(writer, path, &(CacheLabel){.class_name = class_name}, hash, features);
}

static void labels_follow_class_names_not_arrival(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    put_one(writer, "pear/1.png", "pear", 1);
    put_one(writer, "zebra/1.png", "zebra", 2);
    commit_cache(writer);
    put_one(writer, "apple/1.png", "apple", 3);
    put_one(writer, "Zoo/1.png", "Zoo", 4);
    put_one(writer, "empty/1.png", "empty", 5);
    commit_cache(writer);
    cache_writer_remove(writer, "empty/1.png");
    commit_cache(writer);
    cache_writer_close(writer);

    const char *expected[] = {"Zoo", "apple", "pear",
                              "zebra"}; /* byte order; a class without items has no label */
    g_autoptr(Cache) cache = open_cache(folder);
    g_assert_cmpuint(cache->classes->len, ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmpstr(cache_class(cache, i), ==, expected[i]);
        g_assert_cmpint(cache_item(cache, i)->label, ==, i);
    }
    remove_tree(folder);
}

static void put_skip_and_remove_replace_one_another(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    guint8 hash[CACHE_HASH];
    CacheWriter *writer = open_writer(folder, spec);
    put_one(writer, "a/1.png", "a", 1);
    put_one(writer, "a/2.png", "a", 2);
    cache_writer_skip(writer, "a/3.png", "is truncated");
    g_assert_false(cache_writer_lookup(writer, "a/1.png", hash)); /* not committed yet */
    commit_cache(writer);
    g_assert_true(cache_writer_lookup(writer, "a/1.png", hash));
    g_assert_cmpuint(hash[0], ==, 1);
    g_assert_false(cache_writer_lookup(writer, "a/3.png", hash));

    cache_writer_skip(writer, "a/1.png", "is empty"); /* loses its features */
    put_one(writer, "a/2.png", "a", 7);               /* new features */
    put_one(writer, "a/3.png", "a", 3);               /* repaired */
    cache_writer_remove(writer, "a/never.png");
    commit_cache(writer);
    g_assert_cmpuint(cache_writer_pending(writer), ==, 0);
    g_assert_false(cache_writer_lookup(writer, "a/1.png", hash));
    Cache *stored = cache_writer_list(writer, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(stored->all, ==, 2);
    g_assert_cmpstr(cache_item(stored, 0)->path, ==, "a/2.png");
    g_assert_cmpstr(cache_item(stored, 0)->given.class_name, ==, "a");
    g_assert_cmpuint(cache_item(stored, 0)->hash[0], ==, 7);
    g_assert_cmpuint(stored->skipped->len, ==, 1);
    cache_close(stored);
    cache_writer_close(writer);

    g_autoptr(Cache) cache = open_cache(folder);
    g_assert_cmpuint(cache->images, ==, 2);
    g_assert_cmpstr(cache_item(cache, 0)->path, ==, "a/2.png");
    float buffer[FIXTURE_FEATURES];
    g_assert_cmpfloat(cache_features(cache, 0, buffer, NULL)[FIXTURE_FEATURES - 1], ==, 7);
    g_assert_cmpuint(cache->skipped->len, ==, 1);
    g_assert_cmpstr(cache_skipped(cache, 0).path, ==, "a/1.png");
    remove_tree(folder);
}

static void an_item_is_copied_to_another_path_and_class(void)
{
    g_autofree char *folder = fixture_folder(), *long_name = g_strnfill(600, 'x');
    g_autofree char *long_path = g_strconcat("b/", long_name, NULL);
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    put_one(writer, "a/1.png", "a", 4);
    cache_writer_copy(writer, "a/1.png", long_path,
                      &(CacheLabel){.class_name = "b", .group = "scene 1"}); /* from the queue */
    commit_cache(writer);
    cache_writer_copy(
        writer, long_path, "c/1.png",
        &(CacheLabel){.class_name = "", .group = "scene 2", .tabled = TRUE}); /* from what is stored */
    cache_writer_remove(writer, "a/1.png");
    commit_cache(writer);
    cache_writer_close(writer);
    g_autoptr(Cache) cache = open_cache(folder);
    const char *paths[] = {long_path, "c/1.png"}, *classes[] = {"b", ""}, *groups[] = {"scene 1", "scene 2"};
    g_assert_cmpuint(cache->classes->len, ==, 1);
    g_assert_cmpuint(cache->images, ==, 1); /* the one without a label is behind the others */
    g_assert_cmpuint(cache->all, ==, 2);
    for (guint i = 0; i < 2; i++) {
        float buffer[FIXTURE_FEATURES];
        const CacheItem *item = cache_item(cache, i);
        g_assert_cmpstr(item->path, ==, paths[i]);
        g_assert_cmpstr(cache_class(cache, item->label), ==, classes[i]);
        g_assert_cmpstr(item->given.group, ==, groups[i]);
        g_assert_cmpint(item->given.tabled, ==, i);
        g_assert_cmpuint(item->hash[0], ==, 4);
        g_assert_cmpfloat(cache_features(cache, i, buffer, NULL)[FIXTURE_FEATURES - 1], ==, 4);
    }
    cache_take_unlabelled(cache);
    g_assert_cmpuint(cache->images, ==, 2);
    g_assert_cmpint(cache_item(cache, 1)->label, ==, -1);
    remove_tree(folder);
}

static void long_and_odd_paths_are_kept(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autofree char *filler = g_strnfill(700, 'x');
    g_autofree char *longest = g_strdup_printf("a/%s1.png", filler);
    g_autofree char *twin = g_strdup_printf("a/%s2.png", filler);
    g_autofree char *limit = g_strndup(longest, 500);
    const char *paths[] = {
        longest, twin, limit, "a/caf\xc3\xa9.png", "a/latin\xe9.png", "a/new\nline \"x\",.png"};
    guint8 hash[CACHE_HASH];
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
        put_one(writer, paths[i], "a\xe9", (float)i);
    cache_writer_skip(writer, "a/late\xe9.png", "is empty");
    commit_cache(writer);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_assert_true(cache_writer_lookup(writer, paths[i], hash));
        g_assert_cmpuint(hash[0], ==, i);
    }
    cache_writer_close(writer);

    g_autoptr(Cache) cache = open_cache(folder);
    g_assert_cmpuint(cache->images, ==, G_N_ELEMENTS(paths));
    g_assert_cmpstr(cache_class(cache, 0), ==, "a\xe9");
    float buffer[FIXTURE_FEATURES];
    for (guint i = 0; i < cache->images; i++)
        g_assert_cmpstr(cache_item(cache, i)->path, ==,
                        paths[(int)cache_features(cache, i, buffer, NULL)[0]]);
    g_assert_cmpstr(cache_skipped(cache, 0).path, ==, "a/late\xe9.png");
    remove_tree(folder);
}

static void another_specification_is_refused(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(GError) error = NULL;
    g_autoptr(FeatureSpec) other = fixture_feature_spec(FIXTURE_SIDE);
    fixture_cache(folder, FIXTURE_SIDE, 3);
    other->preset = PRESET_KERAS;
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, other, NULL, &error);
    g_assert_null(writer);
    g_assert_nonnull(strstr(error->message, "its preset is vips, not keras"));
    remove_tree(folder);
}

static void count_choice(FeatureSpec *spec, gpointer user)
{
    spec->tiles = (Tiles){{1, 6}, 1e-6};
    ++*(int *)user;
}

/* Opens the cache with a function that chooses tiles; returns how many times it was called. */
static int choices_at(const char *folder, FeatureSpec *spec, int tile)
{
    int chosen = 0;
    g_autoptr(GError) error = NULL;
    CacheForm form = {.choose_tiles = count_choice, .user = &chosen};
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, spec, &form, &error);
    g_assert_no_error(error);
    g_assert_cmpint(writer->spec->tiles.m[1], ==, tile);
    return chosen;
}

static void tiles_are_chosen_for_a_new_cache_alone(void)
{
    g_autofree char *folder = fixture_folder(), *old = fixture_folder();
    g_autoptr(FeatureSpec) spec = feature_spec_copy(
        &(FeatureSpec){.weights_hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                       .weights_source = "w",
                       .preset = PRESET_VIPS,
                       .side = 32,
                       .layer = "block1_pool",
                       .shape = {16, 16, 64}});
    g_assert_cmpint(choices_at(folder, spec, 6), ==, 1);
    g_assert_cmpint(choices_at(folder, spec, 6), ==, 0);
    cache_writer_close(open_writer(old, spec));
    g_assert_cmpint(choices_at(old, spec, 0), ==, 0);
    g_autoptr(GError) error = NULL;
    spec->tiles = (Tiles){{1, 4}, 1e-6};
    g_assert_null(cache_writer_open(folder, spec, NULL, &error));
    g_assert_nonnull(strstr(error->message, "its block1_conv2 is computed by F(6x6), not by F(4x4)"));
    remove_tree(folder);
    remove_tree(old);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cache/what is committed is read back", what_is_committed_is_read_back);
    g_test_add_func("/cache/what is not committed is lost", what_is_not_committed_is_lost);
    g_test_add_func("/cache/labels follow class names, not arrival", labels_follow_class_names_not_arrival);
    g_test_add_func("/cache/put, skip and remove replace one another",
                    put_skip_and_remove_replace_one_another);
    g_test_add_func("/cache/long and odd paths are kept", long_and_odd_paths_are_kept);
    g_test_add_func("/cache/another feature specification is refused", another_specification_is_refused);
    g_test_add_func("/cache/tiles are chosen only for a new cache", tiles_are_chosen_for_a_new_cache_alone);
    g_test_add_func("/cache/an item is copied to another path and class",
                    an_item_is_copied_to_another_path_and_class);
    return g_test_run();
}
