/* Altered caches. The input is a list of patches, each an offset (u24, little-endian) and a byte, applied to a valid
 * data.mdb; files that pass the check are read and written by LMDB. */
#include "tests/unit/fixture.h"

#include <unistd.h>

static char *folder, *file, *sound;
static gsize sound_size;

static void leave(void)
{
    remove_tree(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_setenv("TMPDIR", "/dev/shm", TRUE); /* LMDB syncs, which would be slow on a disk */
    folder = fixture_folder();
    file = g_build_filename(folder, "data.mdb", NULL);
    fixture_cache(folder, FIXTURE_SIDE, 24);
    g_assert_true(g_file_get_contents(file, &sound, &sound_size, NULL));
    atexit(leave);
    return 0;
}

static void use(void)
{
    g_autoptr(FeatureSpec) spec = fixture_feature_spec(FIXTURE_SIDE);
    Cache *cache = cache_open(folder, NULL);
    float buffer[FIXTURE_FEATURES];
    for (guint i = 0; cache && i < cache->images; i++)
        cache_features(cache, i, buffer, NULL);
    cache_close(cache);
    CacheWriter *writer = cache_writer_open(folder, spec, NULL, NULL);
    if (!writer)
        return;
    for (guint i = 0; i < 3; i++)
        fixture_put(writer, spec, i * 9);
    cache_writer_remove(writer, "class1/image00001.jpg");
    cache_writer_commit(writer, NULL);
    cache_writer_close(writer);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *altered = g_memdup2(sound, sound_size);
    for (; size >= 4; data += 4, size -= 4)
        altered[(data[0] | data[1] << 8 | data[2] << 16) % sound_size] = (char)data[3];
    FILE *stream = fopen(file, "wb"); /* not synced: speed matters here, durability does not */
    g_assert_nonnull(stream);
    g_assert_cmpuint(fwrite(altered, 1, sound_size, stream), ==, sound_size);
    fclose(stream);
    use();
    return 0;
}
