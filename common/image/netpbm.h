/* netpbm: PBM, PGM and PPM, plain and raw (P1 … P6), which libvips marks as unsafe for untrusted files and does not
 * scale by their maximum value. Values are scaled to 0 … 255 and rounded, as Pillow's PpmImagePlugin.py does; it clips
 * PGM of 16 bits, here they are scaled like all others.
 *
 * Source of the format: the manual pages pbm(5), pgm(5), ppm(5) of Netpbm. */
#pragma once
#include <glib.h>

typedef struct {
    const guint8 *bytes; /* borrowed */
    gsize size;
    int kind; /* 1 … 6 */
    int width, height;
    int white;    /* the value that stands for full light, 1 … 65535 */
    gsize pixels; /* where they begin */
} Netpbm;

/* Reads the header. FALSE with a reason where it is damaged. */
gboolean netpbm_open(Netpbm *image, const guint8 *bytes, gsize size, GError **error);

/* rgb (height, width, 3). FALSE with a reason where the pixels are not all there. */
gboolean netpbm_read(const Netpbm *image, guint8 *rgb, GError **error);
