/* resize: Pillow's nearest and bilinear resize of 8-bit RGB, to the last bit.
 *
 * Pillow 9.4: Geometry.c, ImagingScaleAffine (nearest); Resample.c, ImagingResample with the bilinear (triangle)
 * filter, which is widened for reductions and therefore antialiased. Pixels are (height, width, 3), packed. */
#pragma once
#include <glib.h>

/* One direction: which source pixels each of n target pixels is made of. */
typedef struct {
    int pixels; /* of the source */
    int pad;    /* black pixels before and behind them; positions below count from the first of these */
    double first, scale; /* target pixel 0 begins at position `first`, each covers `scale` of the source's */
    gint64 start;        /* the first target pixel that is computed, */
    int n;               /* and how many are */
} ResizeAxis;

/* source (across.pixels columns, down.pixels rows, 3) -> target (down.n, across.n, 3). */
void resize_nearest(const guint8 *source, ResizeAxis across, ResizeAxis down, guint8 *target);
void resize_bilinear(const guint8 *source, ResizeAxis across, ResizeAxis down, guint8 *target);

/* All pixels to n. */
ResizeAxis resize_stretch(int pixels, int n);
/* The middle of them, `kept` of them if there are as many, to n: Keras's load_img(keep_aspect_ratio=True), where kept is
 * the image's shorter side. */
ResizeAxis resize_crop(int pixels, int kept, int n);
/* All of them to n, with as much black on either side as reaches at most `wanted` pixels: Keras's
 * resize(pad_to_aspect_ratio=True), where wanted is the image's longer side. */
ResizeAxis resize_pad(int pixels, int wanted, int n);
/* torchvision's Resize(short side) and CenterCrop(n) of an image with this other side: long side
 * int(short * long / short side), the crop's offset rounded half to even. n <= short_side. */
ResizeAxis resize_center(int pixels, int other, int short_side, int n);
