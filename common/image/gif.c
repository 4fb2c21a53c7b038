/* gif: see gif.h. */
#include "common/image/gif.h"

#include <string.h>

/* The bytes that are still to be read. */
typedef struct {
    const guint8 *bytes;
    gsize size;
} Rest;

/* The next n bytes; NULL at the end. */
static const guint8 *take(Rest *rest, gsize n)
{
    const guint8 *bytes = rest->bytes;
    if (rest->size < n)
        return NULL;
    rest->bytes += n, rest->size -= n;
    return bytes;
}

/* The colours that the flags of a screen or an image announce; unchanged without. */
static gboolean take_palette(Rest *rest, guint8 flags, const guint8 **palette, int *colours)
{
    if (!(flags & 0x80))
        return TRUE;
    *colours = 2 << (flags & 7);
    return (*palette = take(rest, 3 * (gsize)*colours)) != NULL;
}

/* Skips an extension; index becomes the transparent one if it is a Graphic Control that has one. */
static gboolean skip_extension(Rest *rest, int *index)
{
    const guint8 *label = take(rest, 1), *length;
    gboolean control = label && *label == 0xf9;
    while ((length = take(rest, 1)) && *length) {
        const guint8 *data = take(rest, *length);
        if (control && data && *length >= 4 && data[0] & 1)
            *index = data[3];
        control = FALSE;
    }
    return length != NULL;
}

static int number(const guint8 *bytes)
{
    return bytes[0] | bytes[1] << 8;
}

gboolean gif_first_frame(const guint8 *bytes, gsize size, GifFrame *frame)
{
    Rest rest = {bytes, size};
    const guint8 *screen = take(&rest, 13), *kind, *palette = NULL;
    int colours = 0, index = 0;
    if (!screen || !take_palette(&rest, screen[10], &palette, &colours))
        return FALSE;
    while ((kind = take(&rest, 1)) && *kind != ',')
        if (*kind == ';' || (*kind == '!' && !skip_extension(&rest, &index)))
            return FALSE;
    const guint8 *image = take(&rest, 9);
    if (!image || !take_palette(&rest, image[8], &palette, &colours))
        return FALSE;
    *frame = (GifFrame){number(image), number(image + 2), number(image + 4), number(image + 6), {0}};
    memset(frame->blank, index, 3); /* Pillow's colours beyond the palette are grey */
    if (index < colours)
        memcpy(frame->blank, palette + 3 * index, 3);
    return TRUE;
}
