/* netpbm: PBM, PGM and PPM, plain and raw (P1 … P6). libvips marks its reader as unsafe for untrusted files, and does
 * not scale by the maximum value. Values are scaled to 0 … 255 and rounded, like Pillow's PpmImagePlugin.py, except
 * that Pillow clips PGM of 16 bits, which are scaled here.
 *
 * Source of the format: the manual pages pbm(5), pgm(5), ppm(5) of Netpbm. */
#pragma once
#include <glib.h>

typedef struct {
    const guint8 *bytes; /* borrowed */
    gsize size;
    int kind; /* 1 … 6 */
    int width, height;
    int white;    /* the maximum value, 1 … 65535 */
    gsize pixels; /* their offset */
} Netpbm;

/* Reads the header. FALSE with a reason if it is damaged. */
gboolean netpbm_open(Netpbm *image, const guint8 *bytes, gsize size, GError **error);

/* rgb (height, width, 3). FALSE with a reason if pixels are missing. */
gboolean netpbm_read(const Netpbm *image, guint8 *rgb, GError **error);
