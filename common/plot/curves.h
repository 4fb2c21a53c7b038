/* curves: the learning curves of a training, from its history. */
#pragma once
#include "common/model/history.h"
#include "common/plot/canvas.h"

/* Loss and accuracy of training and validation side by side, the best epoch marked; PNG, SVG or PDF by the path's
 * ending. title: above both. */
gboolean curves_draw(const History *history, const char *title, const char *path, GError **error);
/* The same without a title, to embed; ending and theme: see canvas_new_memory. */
GBytes *curves_render(const History *history, const char *ending, const CanvasTheme *theme, GError **error);
