/* cache_fixture: small caches in temporary folders, for the tests that break them. */
#pragma once
#include "common/cache/cache.h"
#include <glib/gstdio.h>
#include <string.h>

/* Large enough for records on pages of their own. */
enum { FIXTURE_SIDE = 40, FIXTURE_FEATURES = FIXTURE_SIDE * FIXTURE_SIDE * 3 };

static inline FeatureSpec *fixture_feature_spec(int side)
{
    FeatureSpec spec = {
        .weights_hash = "", .weights_source = "", .preset = PRESET_VIPS, .side = side, .layer = "input"};
    spec.normalization = NORMALIZE_CAFFE;
    spec.shape[0] = spec.shape[1] = side;
    spec.shape[2] = 3;
    return feature_spec_copy(&spec);
}

static inline char *fixture_folder(void)
{
    g_autofree char *pattern = g_build_filename(g_get_tmp_dir(), "vggcache-test-XXXXXX", NULL);
    g_assert_nonnull(g_mkdtemp(pattern));
    return g_steal_pointer(&pattern);
}

/* Removes a folder whose files have no folders among them. */
static inline void fixture_remove(const char *folder)
{
    GDir *listing = g_dir_open(folder, 0, NULL);
    const char *name;
    while (listing && (name = g_dir_read_name(listing))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_remove(path);
    }
    if (listing)
        g_dir_close(listing);
    g_rmdir(folder);
}

/* Feature j of the image with this number. */
static inline float fixture_feature(guint number, gsize j)
{
    return (float)(number * 1000 + j % 997) / 7.0f;
}

static inline void fixture_hash(guint number, guint8 hash[CACHE_HASH])
{
    memset(hash, 0, CACHE_HASH);
    memcpy(hash, &number, sizeof number);
}

/* Image `number` goes to class "class<number % 3>". */
static inline char *fixture_path(guint number)
{
    return g_strdup_printf("class%u/image%05u.jpg", number % 3, number);
}

static inline void fixture_put(CacheWriter *writer, const FeatureSpec *spec, guint number)
{
    gsize n = feature_spec_features(spec);
    g_autofree float *features = g_new(float, n);
    guint8 hash[CACHE_HASH];
    g_autofree char *path = fixture_path(number);
    g_autofree char *class_name = g_strdup_printf("class%u", number % 3);
    for (gsize j = 0; j < n; j++)
        features[j] = fixture_feature(number, j);
    fixture_hash(number, hash);
    cache_writer_put(writer, path, class_name, hash, features);
}

/* A cache of so many images, in several commits, with an item removed and a skipped input. */
static inline void fixture_cache(const char *folder, int side, guint images)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(side);
    g_autoptr(GError) error = NULL;
    g_autoptr(CacheWriter) writer = cache_writer_open(folder, spec, NULL, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < images; i++) {
        fixture_put(writer, spec, i);
        if (i % 7 == 6)
            g_assert_true(cache_writer_commit(writer, &error));
    }
    cache_writer_skip(writer, "class0/broken.jpg", "is empty");
    g_assert_true(cache_writer_commit(writer, &error));
}
