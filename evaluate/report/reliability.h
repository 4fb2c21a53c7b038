/* reliability: reliability diagrams (Niculescu-Mizil & Caruana 2005): how often a model is right, by how
 * confident it is. */
#pragma once
#include "common/plot/canvas.h"
#include "evaluate/metrics/metrics.h"

typedef struct {
    const char *title;          /* the model's name */
    const ReliabilityBin *bins; /* RELIABILITY_BINS, borrowed */
} ReliabilityPanel;

/* One diagram per model, side by side; refused if there is none. */
CanvasFigure reliability_figure(const ReliabilityPanel *panels, guint n);
