/* Altered safetensors files. If the first byte of the input is odd, the rest is the file; else the input is a header,
 * which is completed by its length before and 64 bytes of data after it. */
#include "common/vgg16/safetensors.h"
#include "tests/unit/fixture.h"

#include <string.h>

enum { DATA = 64 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    scratch_make();
    atexit(scratch_remove);
    return 0;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size == 0)
        return 0;
    gboolean whole = data[0] & 1;
    guint64 length = size - 1;
    g_autofree char *path = in_folder("file.safetensors");
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    if (!whole)
        g_byte_array_append(bytes, (const guint8 *)&length, sizeof length);
    g_byte_array_append(bytes, data + 1, (guint)length);
    if (!whole)
        g_byte_array_append(bytes, (const guint8[DATA]){0}, DATA);
    overwrite(path, bytes->data, bytes->len);
    g_autoptr(Safetensors) file = safetensors_open(path, NULL);
    for (guint i = 0; file && safetensors_names(file)[i]; i++) {
        float values[DATA / sizeof(float)];
        for (gsize n = 1; n <= G_N_ELEMENTS(values); n *= 2) {
            const SafetensorsTensor *tensor = safetensors_find(file, safetensors_names(file)[i], 1, &n, NULL);
            if (tensor)
                safetensors_read(file, tensor, 0, n, values, NULL);
        }
    }
    return 0;
}
