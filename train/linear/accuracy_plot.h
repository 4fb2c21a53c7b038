/* accuracy_plot: accuracies with a band around them, over a quantity on a logarithmic axis. */
#pragma once
#include "common/plot/axes.h"

typedef struct {
    const char *title, *x_label, *y_label;
    const char *line, *band; /* what they are, for the legend */
    double mark;             /* a value of x, with what it is, or NULL */
    const char *marked;
    const AxesPoint *points; /* (n) y: accuracy; by ascending x, n >= 1 */
    guint n;
} AccuracyPlot;

gboolean accuracy_plot_write(const AccuracyPlot *plot, const char *path, GError **error);
