/* overlay: an explanation's map over the image as the base saw it. */
#pragma once
#include "evaluate/explanation/explanation.h"

/* The largest absolute value in an explanation's maps: 1 on the scale of colours. 1 where all are 0. */
double overlay_scale(const Explanation *explanation);

/* rgb (side, side, 3): an image, NULL for plain grey. out (side, side, 3): it in grey and, the more opaque the larger,
 * orange where a place speaks for the class and blue where against it; bilinear between the middles of the places. */
void overlay_draw(const guint8 *rgb, int side, const ExplanationMap *map, double scale, guint8 *out);
