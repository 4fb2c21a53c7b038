/* The cache: what is committed is read back exactly, whatever the order, the paths, full maps, full disks and
 * kills. */
#include "common/cache/cache_error.h"
#include "tests/unit/cache_fixture.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static Cache *open_cache(const char *folder)
{
    g_autoptr(GError) error = NULL;
    Cache *cache = cache_open(folder, &error);
    g_assert_no_error(error);
    return cache;
}

static CacheWriter *open_writer(const char *folder, const FeatureSpec *spec)
{
    g_autoptr(GError) error = NULL;
    CacheWriter *writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_no_error(error);
    return writer;
}

static void commit(CacheWriter *writer)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(cache_writer_commit(writer, &error));
    g_assert_no_error(error);
}

static void refused(const char *folder, CacheError code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Cache) cache = cache_open(folder, &error);
    g_assert_null(cache);
    g_assert_error(error, CACHE_ERROR, (gint)code);
    g_assert_nonnull(strstr(error->message, folder));
}

/* Item `index` is the fixture's image of its number: path, class, hash and features. */
static void check_item(Cache *cache, guint index)
{
    g_autoptr(GError) error = NULL;
    const CacheItem *item = cache_item(cache, index);
    guint class_number, number;
    g_assert_cmpint(sscanf(item->path, "class%u/image%u.jpg", &class_number, &number), ==, 2);
    g_autofree char *class_name = g_strdup_printf("class%u", class_number);
    guint8 hash[CACHE_HASH];
    fixture_hash(number, hash);
    g_assert_cmpstr(cache_class(cache, (guint)item->label), ==, class_name);
    g_assert_cmpmem(item->hash, CACHE_HASH, hash, CACHE_HASH);
    gsize n = feature_spec_features(cache_feature_spec(cache));
    g_autofree float *buffer = g_new(float, n);
    const float *features = cache_features(cache, index, buffer, &error);
    g_assert_no_error(error);
    g_assert_cmpuint((guintptr)features % 16, ==, 0);
    for (gsize j = 0; j < n; j++)
        if (features[j] != fixture_feature(number, j))
            g_error("feature %" G_GSIZE_FORMAT " of %s differs", j, item->path);
}

static void check_all(Cache *cache, guint expected)
{
    g_assert_cmpuint(cache_count(cache), ==, expected);
    for (guint i = 0; i < expected; i++) {
        check_item(cache, i);
        if (i)
            g_assert_cmpint(strcmp(cache_item(cache, i - 1)->path, cache_item(cache, i)->path), <, 0);
    }
}

static void what_is_committed_is_read_back(void)
{
    g_autofree char *folder = fixture_folder();
    fixture_cache(folder, FIXTURE_SIDE, 50);
    g_autoptr(Cache) cache = open_cache(folder);
    check_all(cache, 50);
    g_assert_cmpuint(cache_classes(cache), ==, 3);
    g_assert_cmpuint(cache_skipped_count(cache), ==, 1);
    g_assert_cmpstr(cache_skipped(cache, 0).path, ==, "class0/broken.jpg");
    g_assert_cmpstr(cache_skipped(cache, 0).reason, ==, "is empty");
    g_assert_cmpstr(cache_path(cache), ==, folder);
    g_assert_cmpstr(cache_program(cache), ==, "vggcache " VGGCACHE_VERSION);
    fixture_remove(folder);
}

static void what_is_not_committed_is_lost(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    fixture_put(writer, spec, 1);
    commit(writer);
    fixture_put(writer, spec, 2);
    cache_writer_close(writer);
    g_autoptr(Cache) cache = open_cache(folder);
    check_all(cache, 1);
    fixture_remove(folder);
}

static void put_one(CacheWriter *writer, const char *path, const char *class_name, float value)
{
    float features[FIXTURE_FEATURES];
    guint8 hash[CACHE_HASH] = {(guint8)value};
    for (int j = 0; j < FIXTURE_FEATURES; j++)
        features[j] = value;
    cache_writer_put(writer, path, class_name, hash, features);
}

static void labels_follow_class_names_not_arrival(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    put_one(writer, "pear/1.png", "pear", 1);
    put_one(writer, "zebra/1.png", "zebra", 2);
    commit(writer);
    put_one(writer, "apple/1.png", "apple", 3);
    put_one(writer, "Zoo/1.png", "Zoo", 4);
    put_one(writer, "empty/1.png", "empty", 5);
    commit(writer);
    cache_writer_remove(writer, "empty/1.png");
    commit(writer);
    cache_writer_close(writer);

    const char *expected[] = {"Zoo", "apple", "pear",
                              "zebra"}; /* byte order; a class without items has no label */
    g_autoptr(Cache) cache = open_cache(folder);
    g_assert_cmpuint(cache_classes(cache), ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmpstr(cache_class(cache, i), ==, expected[i]);
        g_assert_cmpint(cache_item(cache, i)->label, ==, i);
    }
    fixture_remove(folder);
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
    commit(writer);
    g_assert_true(cache_writer_lookup(writer, "a/1.png", hash));
    g_assert_cmpuint(hash[0], ==, 1);
    g_assert_false(cache_writer_lookup(writer, "a/3.png", hash));

    cache_writer_skip(writer, "a/1.png", "is empty"); /* loses its features */
    put_one(writer, "a/2.png", "a", 7);               /* new features */
    put_one(writer, "a/3.png", "a", 3);               /* repaired */
    cache_writer_remove(writer, "a/never.png");
    commit(writer);
    g_assert_cmpuint(cache_writer_pending(writer), ==, 0);
    g_assert_false(cache_writer_lookup(writer, "a/1.png", hash));
    g_autoptr(GPtrArray) paths = cache_writer_paths(writer, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(paths->len, ==, 3);
    cache_writer_close(writer);

    g_autoptr(Cache) cache = open_cache(folder);
    g_assert_cmpuint(cache_count(cache), ==, 2);
    g_assert_cmpstr(cache_item(cache, 0)->path, ==, "a/2.png");
    float buffer[FIXTURE_FEATURES];
    g_assert_cmpfloat(cache_features(cache, 0, buffer, NULL)[FIXTURE_FEATURES - 1], ==, 7);
    g_assert_cmpuint(cache_skipped_count(cache), ==, 1);
    g_assert_cmpstr(cache_skipped(cache, 0).path, ==, "a/1.png");
    fixture_remove(folder);
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
    commit(writer);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_assert_true(cache_writer_lookup(writer, paths[i], hash));
        g_assert_cmpuint(hash[0], ==, i);
    }
    cache_writer_close(writer);

    g_autoptr(Cache) cache = open_cache(folder);
    g_assert_cmpuint(cache_count(cache), ==, G_N_ELEMENTS(paths));
    g_assert_cmpstr(cache_class(cache, 0), ==, "a\xe9");
    float buffer[FIXTURE_FEATURES];
    for (guint i = 0; i < cache_count(cache); i++)
        g_assert_cmpstr(cache_item(cache, i)->path, ==,
                        paths[(int)cache_features(cache, i, buffer, NULL)[0]]);
    g_assert_cmpstr(cache_skipped(cache, 0).path, ==, "a/late\xe9.png");
    fixture_remove(folder);
}

static void another_recipe_is_refused_in_a_sentence(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(GError) error = NULL;
    g_autoptr(FeatureSpec) other = fixture_feature_spec(FIXTURE_SIDE);
    fixture_cache(folder, FIXTURE_SIDE, 3);
    other->preset = PRESET_KERAS;
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, other, NULL, &error);
    g_assert_null(writer);
    g_assert_error(error, CACHE_ERROR, CACHE_ERROR_MISMATCH);
    g_assert_nonnull(strstr(error->message, "its preset is vips, not keras"));
    fixture_remove(folder);
}

static void a_cache_is_open_once_in_a_program(void)
{
    g_autofree char *folder = fixture_folder();
    g_autofree char *by_another_name = g_strconcat(folder, "/.", NULL);
    fixture_cache(folder, FIXTURE_SIDE, 3);
    Cache *first = open_cache(folder);
    refused(by_another_name, CACHE_ERROR_BUSY);
    cache_close(first);
    first = open_cache(by_another_name);
    cache_close(first);
    fixture_remove(folder);
}

/* Runs a function in a child of its own, for what ends badly on purpose. Returns waitpid's status. */
static pid_t in_child(void (*function)(const char *folder), const char *folder)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        function(folder);
        _exit(0);
    }
    g_assert_cmpint(child, >, 0);
    return child;
}

static int child_status(pid_t child)
{
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    return status;
}

static void child_is_refused(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    CacheWriter *writer = cache_writer_open(folder, spec, NULL, &error);
    _exit(!writer && g_error_matches(error, CACHE_ERROR, CACHE_ERROR_BUSY) ? 0 : 1);
}

/* The reader is the child, so that LMDB is opened on one side of fork only. */
static void child_writes_and_waits(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    fixture_put(writer, spec, 1);
    commit(writer);
    g_autofree char *sign = g_build_filename(folder, "committed", NULL);
    g_file_set_contents(sign, "", 0, NULL);
    pause();
}

static void wait_for_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    while (!g_file_test(path, G_FILE_TEST_EXISTS))
        g_usleep(2000);
}

static void a_second_writer_is_refused_and_a_reader_is_not(void)
{
    g_autofree char *folder = fixture_folder();
    g_rmdir(folder); /* the first writer makes it */
    pid_t writer = in_child(child_writes_and_waits, folder);
    wait_for_file(folder, "committed");
    g_assert_cmpint(child_status(in_child(child_is_refused, folder)), ==, 0);
    Cache *cache = open_cache(folder);
    check_all(cache, 1);
    cache_close(cache);
    kill(writer, SIGKILL);
    child_status(writer);
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *next = open_writer(folder, spec); /* a killed writer's lock is gone with it */
    cache_writer_close(next);
    fixture_remove(folder);
}

static void child_writes_for_ever(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = 0;; i++) {
        fixture_put(writer, spec, i);
        if (i % 5 == 4)
            commit(writer);
        if (i == 4) {
            g_autofree char *sign = g_build_filename(folder, "committed", NULL);
            g_file_set_contents(sign, "", 0, NULL);
        }
    }
}

static void a_kill_loses_only_the_batch_in_flight(void)
{
    for (int round = 0; round < 8; round++) {
        g_autofree char *folder = fixture_folder();
        g_rmdir(folder);
        pid_t writer = in_child(child_writes_for_ever, folder);
        wait_for_file(folder, "committed");
        g_usleep((gulong)g_test_rand_int_range(0, 30000));
        kill(writer, SIGKILL);
        g_assert_true(WIFSIGNALED(child_status(writer)));
        g_autoptr(Cache) cache = open_cache(folder);
        g_assert_cmpuint(cache_count(cache), >=, 5);
        g_assert_cmpuint(cache_count(cache) % 5, ==, 0); /* whole batches */
        check_all(cache, cache_count(cache));
        fixture_remove(folder);
    }
}

/* A limit on the file's size stands for a full disk: the same call fails, with EFBIG in the place of ENOSPC. */
static void child_fills_the_disk(const char *folder)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    struct rlimit limit = {1 << 20, 1 << 20};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = 0; i < 1000; i++) {
        fixture_put(writer, spec, i);
        if (i % 5 == 4 && !cache_writer_commit(writer, &error)) {
            gboolean again = cache_writer_commit(writer, NULL);
            _exit(g_error_matches(error, CACHE_ERROR, CACHE_ERROR_SYSTEM) &&
                          strstr(error->message, "make room") && !again && cache_writer_pending(writer) >= 5
                      ? 0
                      : 1);
        }
    }
    _exit(2);
}

static void a_full_disk_is_a_sentence_and_the_cache_goes_on(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_assert_cmpint(child_status(in_child(child_fills_the_disk, folder)), ==, 0);
    Cache *cache = open_cache(folder);
    guint kept = cache_count(cache);
    g_assert_cmpuint(kept, >=, 20);
    g_assert_cmpuint(kept % 5, ==, 0);
    check_all(cache, kept);
    cache_close(cache);
    CacheWriter *writer = open_writer(folder, spec);
    for (guint i = kept; i < kept + 50; i++)
        fixture_put(writer, spec, i);
    commit(writer);
    cache_writer_close(writer);
    cache = open_cache(folder);
    check_all(cache, kept + 50);
    cache_close(cache);
    fixture_remove(folder);
}

static gpointer look_all_the_time(gpointer data)
{
    guint8 hash[CACHE_HASH];
    guint found = 0;
    CacheWriter *writer = data;
    for (guint i = 0; i < 3000; i++) {
        g_autofree char *path = fixture_path(i % 500);
        found += cache_writer_lookup(writer, path, hash);
    }
    return GUINT_TO_POINTER(found);
}

static void the_map_grows_under_readers_of_it(void)
{
    enum { SIDE = 160, IMAGES = 300 }; /* 92 MB, more than a new map holds */
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(SIDE);
    CacheWriter *writer = open_writer(folder, spec);
    fixture_put(writer, spec, 0);
    commit(writer);
    GThread *looker = g_thread_new("looker", look_all_the_time, writer);
    for (guint i = 1; i < IMAGES; i++) {
        fixture_put(writer, spec, i);
        if (i % 60 == 59)
            commit(writer);
    }
    g_assert_cmpuint(GPOINTER_TO_UINT(g_thread_join(looker)), >, 0);
    cache_writer_close(writer);
    g_autoptr(Cache) cache = open_cache(folder);
    check_all(cache, IMAGES);
    fixture_remove(folder);
}

/* Flips a bit wherever these bytes stand in data.mdb. */
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
    commit(writer);
    cache_writer_close(writer);
    cache = open_cache(folder);
    check_all(cache, 9);
    cache_close(cache);
    fixture_remove(folder);
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
        fixture_remove(folder);
    }
}

static void what_is_no_cache_is_refused(void)
{
    g_autofree char *folder = fixture_folder();
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    g_autoptr(GError) error = NULL;
    g_autofree char *file = g_build_filename(folder, "data.mdb", NULL);
    g_autofree char *other = g_build_filename(folder, "holiday.jpg", NULL);
    g_autofree char *missing = g_build_filename(folder, "missing", NULL);
    refused(missing, CACHE_ERROR_SYSTEM);
    refused(folder, CACHE_ERROR_DAMAGED); /* an empty folder */
    g_file_set_contents(file, "", 0, NULL);
    refused(folder, CACHE_ERROR_DAMAGED);
    refused(file, CACHE_ERROR_DAMAGED); /* a file */
    g_remove(file);
    g_file_set_contents(other, "x", 1, NULL);
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_null(writer); /* a folder of other things is not written into */
    g_assert_nonnull(strstr(error->message, "holiday.jpg"));
    fixture_remove(folder);
}

/* LMDB writes the first two pages in one call; a kill can leave the first of them, of transaction 0. */
static void a_creation_cut_short_is_begun_again(void)
{
    for (gsize left = 0; left <= 4096; left += 4096) {
        g_autofree char *folder = fixture_folder();
        g_autofree char *file = g_build_filename(folder, "data.mdb", NULL);
        g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
        MDB_env *env;
        g_assert_cmpint(mdb_env_create(&env), ==, 0);
        g_assert_cmpint(mdb_env_open(env, folder, 0, 0666), ==, 0);
        mdb_env_close(env);
        g_assert_cmpint(truncate(file, (off_t)left), ==, 0);
        refused(folder, CACHE_ERROR_DAMAGED);
        CacheWriter *writer = open_writer(folder, spec);
        fixture_put(writer, spec, 0);
        commit(writer);
        cache_writer_close(writer);
        Cache *cache = open_cache(folder);
        check_all(cache, 1);
        cache_close(cache);
        fixture_remove(folder);
    }
}

/* tests/golden/format1: made by version 0.1.0 before there were stores. Its features, by path:
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
    commit(writer);
    cache_writer_close(writer);
    cache = open_cache(folder);
    g_assert_cmpuint(cache_stored(cache, 0, &nonzeros), ==, 48 * sizeof(float)); /* not sparse */
    check_format_1(cache, 1);
    cache_close(cache);
    fixture_remove(folder);
}

/* Half of the features 0, the others multiples of 1/8, which half floats hold. */
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
                features[9] = 1e6f; /* more than a half float holds: the image is stored as by sparse */
            cache_writer_put(writer, path, "a", hash, features);
        }
        commit(writer);
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
        fixture_remove(folder);
    }
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
    g_test_add_func("/cache/another recipe is refused in a sentence",
                    another_recipe_is_refused_in_a_sentence);
    g_test_add_func("/cache/a cache is open once in a program", a_cache_is_open_once_in_a_program);
    g_test_add_func("/cache/a second writer is refused and a reader is not",
                    a_second_writer_is_refused_and_a_reader_is_not);
    g_test_add_func("/cache/a kill loses only the batch in flight", a_kill_loses_only_the_batch_in_flight);
    g_test_add_func("/cache/a full disk is a sentence and the cache goes on",
                    a_full_disk_is_a_sentence_and_the_cache_goes_on);
    g_test_add_func("/cache/the map grows under readers of it", the_map_grows_under_readers_of_it);
    g_test_add_func("/cache/altered features are found and computed anew",
                    altered_features_are_found_and_computed_anew);
    g_test_add_func("/cache/altered descriptions are refused", altered_descriptions_are_refused);
    g_test_add_func("/cache/what is no cache is refused", what_is_no_cache_is_refused);
    g_test_add_func("/cache/a creation cut short is begun again", a_creation_cut_short_is_begun_again);
    g_test_add_func("/cache/a cache of format 1 is read, and continued in its format",
                    a_cache_of_format_1_is_read_and_continued_in_its_format);
    g_test_add_func("/cache/every store gives back what was put", every_store_gives_back_what_was_put);
    return g_test_run();
}
