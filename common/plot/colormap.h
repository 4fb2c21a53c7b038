/* colormap: fractions as shades of one hue. Lightness changes evenly in OKLab (Ottosson 2020), starting at the paper's,
 * so that the order of values survives greyscale printing and every kind of colour blindness. */
#pragma once
#include "common/plot/canvas.h"

/* value 0 … 1 (clamped) -> colour. 0 is close to the theme's paper. */
guint32 colormap(const CanvasTheme *theme, double value);

/* The colour of a signed value: blue if negative, else orange. Both are about equally light, and colour-blind readers
 * can distinguish them. Callers show the magnitude by opacity. */
guint32 colormap_sign(double value);

/* Black or white, whichever contrasts more with the background (WCAG 2.1's contrast ratio). */
guint32 colormap_ink(guint32 background);
