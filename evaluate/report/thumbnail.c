/* thumbnail: see thumbnail.h. */
#include "evaluate/report/thumbnail.h"

#include "common/image/image_file.h"

enum { SIDE = 176 /* pixels */, QUALITY = 80 /* JPEG */ };

GBytes *thumbnail_new(const char *folder, const char *path, Fit fit)
{
    g_autofree char *file = g_build_filename(folder, path, NULL);
    g_autofree guint8 *rgb = g_malloc(3 * SIDE * SIDE);
    const Decoding upright = {PRESET_VIPS, fit, TRUE, SIDE};
    return image_file_decode(file, &upright, rgb, NULL, NULL) ? image_jpeg(rgb, SIDE, QUALITY) : NULL;
}
