/* curves: the picture of a training, from its history. */
#pragma once
#include "common/model/history.h"
#include "common/plot/canvas.h"

/* Loss and accuracy side by side, training and validation, the best epoch marked; PNG, SVG or PDF
 * by the path's ending. title: above both. */
gboolean curves_draw(const History *history, const char *title, const char *path, GError **error);
/* The same without a title, for another document; ending and theme as canvas_new_memory has them. */
GBytes *curves_render(const History *history, const char *ending, const CanvasTheme *theme, GError **error);
