/* colormap: fractions as shades of one hue. Lightness changes evenly in OKLab (Ottosson 2020) from the
 * paper's to the far end, so that the order of values survives greyscale printing and every kind of colour
 * blindness. */
#pragma once
#include "common/plot/canvas.h"

/* value 0 … 1 (clamped) -> colour. 0 is close to the theme's paper. */
guint32 colormap(const CanvasTheme *theme, double value);

/* Signed values: the colour of what speaks against (value < 0, blue) or for something (else, orange), which are about
 * equally light and told apart by colour-blind readers. How much, opacity tells. */
guint32 colormap_sign(double value);

/* Black or white, whichever contrasts more with the background (WCAG 2.1's contrast ratio). */
guint32 colormap_ink(guint32 background);
