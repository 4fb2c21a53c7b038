/* bmp: Windows and OS/2 bitmaps, which libvips reads only through ImageMagick, to which untrusted files are not given.
 * Uncompressed 1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8 and bit fields; alpha is dropped. Colours as Pillow's
 * BmpImagePlugin.py makes them.
 *
 * Source of the format: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER). */
#pragma once
#include <glib.h>

typedef struct Bmp Bmp;

/* Reads the header; bytes are borrowed until bmp_free. NULL with a reason if it cannot be read. */
Bmp *bmp_open(const guint8 *bytes, gsize size, GError **error);
void bmp_free(Bmp *bmp);
void bmp_size(const Bmp *bmp, int *width, int *height);

/* rgb (height, width, 3). FALSE with a reason where the pixels are not all there. */
gboolean bmp_read(const Bmp *bmp, guint8 *rgb, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bmp, bmp_free)
