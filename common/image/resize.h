/* resize: Pillow's nearest and bilinear resize of 8-bit RGB, to the last bit.
 *
 * Pillow 9.4: Geometry.c, ImagingScaleAffine (nearest); Resample.c, ImagingResample with the bilinear (triangle)
 * filter, which is widened for reductions and therefore antialiased. Pixels are (height, width, 3), packed. */
#pragma once
#include <glib.h>

/* source (height, width, 3) -> target (side, side, 3), stretched in both directions. */
void resize_nearest(const guint8 *source, int width, int height, int side, guint8 *target);

/* A window of the image resized to (full_height, full_width), of which only the window is computed. */
typedef struct {
    gint64 full_width, full_height;
    gint64 left, top;  /* of the window within the resized image */
    int width, height; /* of the window */
} ResizeWindow;

/* source (height, width, 3) -> target (window.height, window.width, 3). */
void resize_bilinear(const guint8 *source, int width, int height, ResizeWindow window, guint8 *target);

/* torchvision's Resize(short side) and CenterCrop(side): long side int(short_side * long / short), the crop's
 * offset rounded half to even. side <= short_side. */
ResizeWindow resize_center_window(int width, int height, int short_side, int side);
