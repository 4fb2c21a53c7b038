/* Altered HDF5 files of other programs: the input is a list of patches (offset, u16 little-endian, and byte) to a file with
 * every writer's layouts. libhdf5 may crash, loop or say anything in its sandbox; this process must only ever get an
 * error. */
#include "common/hdf5/hdf5_file.h"
#include "tests/unit/fixture.h"

#include <string.h>

static char *sound;
static gsize sound_size;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_setenv("TMPDIR", "/dev/shm", TRUE);
    scratch_make();
    atexit(scratch_remove);
    g_assert_true(g_file_get_contents("tests/golden/hdf5.h5", &sound, &sound_size, NULL));
    return 0;
}

static void assert_told(gboolean good, const Hdf5File *file, const GError *error)
{
    g_assert_true(good == (error == NULL));
    g_assert_true(good || g_str_has_prefix(error->message, hdf5_path(file)));
}

static void read_all(Hdf5File *file)
{
    static const char *const attributes[] = {"fixed", "variable", "split", "empty", "text", "bytes"};
    static const char *const datasets[] = {"/group/plain", "/big_endian", "/gzip", "/float16", "/float64"};
    static const gsize shape[] = {2, 3};
    for (guint i = 0; i < G_N_ELEMENTS(attributes); i++) {
        g_autoptr(GError) error = NULL, other = NULL;
        g_auto(GStrv) names = hdf5_read_names(file, "/", attributes[i], &error);
        assert_told(names != NULL, file, error);
        g_autofree char *text = hdf5_read_text(file, "/", attributes[i], &other);
        assert_told(text != NULL, file, other);
    }
    for (guint i = 0; i < G_N_ELEMENTS(datasets); i++) {
        g_autoptr(GError) error = NULL, other = NULL;
        float values[6];
        gboolean good = hdf5_read_floats(file, datasets[i], 2, shape, values, &error);
        assert_told(good, file, error);
        g_autoptr(GArray) numbers = hdf5_read_numbers(file, datasets[i], 100, &other);
        assert_told(numbers != NULL, file, other);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *altered = g_memdup2(sound, sound_size), *path = in_folder("patched.h5");
    for (; size >= 3; data += 3, size -= 3)
        altered[(data[0] | data[1] << 8) % sound_size] = (char)data[2];
    overwrite(path, altered, sound_size);
    g_autoptr(Hdf5File) file = hdf5_open(path, NULL);
    if (file)
        read_all(file);
    return 0;
}
