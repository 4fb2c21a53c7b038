/* bmp: Windows and OS/2 bitmaps, which libvips reads only through ImageMagick, which is not used for untrusted files.
 * Uncompressed 1, 4, 8, 16, 24 and 32 bits, RLE4, RLE8 and bit fields; alpha is dropped. Colours like Pillow's
 * BmpImagePlugin.py.
 *
 * Source of the format: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER). */
#pragma once
#include <glib.h>

typedef struct Bmp Bmp;

/* Reads the header; bytes are borrowed until bmp_free. NULL with a reason if it cannot be read. */
Bmp *bmp_open(const guint8 *bytes, gsize size, GError **error);
void bmp_free(Bmp *bmp);
void bmp_size(const Bmp *bmp, int *width, int *height);

/* rgb (height, width, 3). FALSE with a reason if pixels are missing. */
gboolean bmp_read(const Bmp *bmp, guint8 *rgb, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bmp, bmp_free)
