/* overlay: an explanation's map over the image as the base saw it. */
#pragma once
#include "evaluate/explanation/explanation.h"

/* The largest absolute value in an explanation's maps, which becomes 1 on the colour scale; 1 if all are 0. */
double overlay_scale(const Explanation *explanation);

/* rgb (side, side, 3): an image, or NULL for plain grey. out (side, side, 3): the image in grey, with orange where
 * the map is positive and blue where it is negative, with opacity proportional to the value, bilinear between the
 * places' centres. */
void overlay_draw(const guint8 *rgb, int side, const ExplanationMap *map, double scale, guint8 *out);
