/* bmp: Windows and OS/2 bitmaps, which libvips reads only through ImageMagick, which is not used for untrusted files.
 * Uncompressed 1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8 and bit fields; alpha is dropped. Colours like Pillow's
 * BmpImagePlugin.py.
 *
 * Source of the format: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER). */
#pragma once
#include <glib.h>

typedef struct {
    const guint8 *bytes; /* borrowed */
    gsize size;
    int width, height;
    gboolean top_down;
    int bits, compression;
    gsize pixels;           /* their offset */
    guint32 mask[3];        /* of red, green and blue within a pixel of 16 or 32 bits */
    guint8 palette[256][3]; /* red, green, blue; zero for entries that the file lacks */
} Bmp;

/* Reads the header. FALSE with a reason if it cannot be read. */
gboolean bmp_open(Bmp *bmp, const guint8 *bytes, gsize size, GError **error);

/* rgb (height, width, 3). FALSE with a reason if pixels are missing. */
gboolean bmp_read(const Bmp *bmp, guint8 *rgb, GError **error);
