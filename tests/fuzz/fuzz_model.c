/* Altered models. The first byte of the input selects an attribute, which is replaced by the text that follows, in a
 * complete, sealed file; from 7 up, a list of patches follows (offset, u24 little-endian, and byte), applied to a saved
 * model. After 7 its seal is not updated, and all must be refused. */
#include "common/hdf5/seal.h"
#include "tests/unit/fixture.h"

#include <string.h>

static char *sound;
static gsize sound_size;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_setenv("TMPDIR", "/dev/shm", TRUE); /* models are synced, which would be slow on a disk */
    scratch_make();
    atexit(scratch_remove);
    g_autoptr(Model) model = dense_model(SCALE_STANDARD);
    g_autofree char *path = in_folder("sound.h5");
    save(model, path);
    g_assert_true(g_file_get_contents(path, &sound, &sound_size, NULL));
    return 0;
}

static void try_patches(const guint8 *data, gsize size, gboolean sealed)
{
    enum { SEAL = sizeof "vggcache-xxh3-64 0123456789abcdef\n" - 1 };
    g_autofree char *altered = g_memdup2(sound, sound_size), *path = in_folder("patched.h5");
    for (; size >= 4; data += 4, size -= 4)
        altered[(data[0] | data[1] << 8 | data[2] << 16) % sound_size] = (char)data[3];
    overwrite(path, altered, sealed ? sound_size - SEAL : sound_size);
    FILE *stream = sealed ? fopen(path, "r+b") : NULL;
    g_assert_true(!sealed || (seal_write(stream) && fclose(stream) == 0));
    g_autoptr(Model) model = model_load(path, NULL);
    if (!sealed)
        g_assert_cmpint(model != NULL, ==, memcmp(altered, sound, sound_size) == 0);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size == 0)
        return 0;
    if (data[0] >= MODEL_ATTRIBUTES) {
        try_patches(data + 1, size - 1, data[0] > MODEL_ATTRIBUTES);
        return 0;
    }
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    g_autofree char *path = with_attribute(model_attributes[data[0]], text);
    g_autoptr(Model) model = model_load(path, NULL);
    return 0;
}
