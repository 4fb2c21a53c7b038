/* colormap: shares as shades of one hue. Lightness runs evenly from the paper's to the far end in OKLab
 * (Ottosson 2020), so the order of the values survives print in grey and every kind of colour blindness. */
#pragma once
#include "common/plot/canvas.h"

/* value 0 … 1 (clamped) -> colour. 0 is next to the theme's paper. */
guint32 colormap(const CanvasTheme *theme, double value);

/* Black or white, whichever contrasts more with the background (WCAG 2.1's contrast ratio). */
guint32 colormap_ink(guint32 background);
