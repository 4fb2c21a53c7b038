/* gif: what the first image of a GIF leaves blank. Pillow shows the palette's colour there: that of the transparent
 * index, or the first; libvips shows black.
 *
 * Source of the format: CompuServe, "Graphics Interchange Format, Version 89a". */
#pragma once
#include <glib.h>

typedef struct {
    int left, top, width, height; /* of the first image on the screen */
    guint8 blank[3];              /* RGB around it, and of its transparent pixels */
} GifFrame;

/* FALSE if the file has no complete header of an image. */
gboolean gif_first_frame(const guint8 *bytes, gsize size, GifFrame *frame);
