/* similarity_plot: how similar known and unknown images are to the images trained on. */
#pragma once
#include "common/plot/canvas.h"

typedef struct {
    const float *known, *unknown; /* similarities of n and of m images */
    guint n, m;
    double limit; /* from which on an image counts as known */
} Similarities;

CanvasFigure similarity_figure(const Similarities *similarities);
