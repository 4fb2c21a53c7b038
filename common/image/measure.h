/* measure: how bright and how sharp an image is. */
#pragma once
#include <glib.h>

/* rgb (height, width, 3). *brightness: mean luma (BT.601), 0 … 255. *sharpness: variance of the luma's Laplacian with the
 * four neighbours (Pech-Pacheco et al. 2000), of pixels that have them; 0 where none has. */
void measure(const guint8 *rgb, int width, int height, double *brightness, double *sharpness);
