/* Altered image files, through all presets. Seeds: tests/golden/images. */
#include "common/image/image.h"

enum { SIDE = 32, MAX_PIXELS = 1 << 18 }; /* small, for speed */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    image_startup((*argv)[0]);
    image_load_module();
    return 0;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static guint8 rgb[SIDE * SIDE * 3];
    g_autoptr(GError) error = NULL;
    const Decoding how = {(Preset)(size % 3), (Fit)(size / 3 % 3), size & 1, SIDE};
    ImageFacts facts;
    if (!image_decode(data, size, &how, MAX_PIXELS, rgb, &facts, &error))
        g_assert_error(error, IMAGE_ERROR, IMAGE_ERROR_UNREADABLE);
    return 0;
}
