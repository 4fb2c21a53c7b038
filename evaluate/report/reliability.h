/* reliability: reliability diagrams (Niculescu-Mizil & Caruana 2005): how often a model is right, by how
 * confident it is. */
#pragma once
#include "common/plot/canvas.h"
#include "evaluate/metrics/metrics.h"

typedef struct {
    const char *title; /* the model's name */
    ReliabilityBin bins[RELIABILITY_BINS];
} ReliabilityPanel;

/* One diagram per model, side by side. To a file, or into memory (ending "png" or "svg"; NULL and error). */
gboolean reliability_write(const ReliabilityPanel *panels, guint n, const char *path, GError **error);
GBytes *reliability_render(const ReliabilityPanel *panels, guint n, const char *ending,
                           const CanvasTheme *theme, GError **error);
