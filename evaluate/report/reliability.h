/* reliability: reliability diagrams (Niculescu-Mizil & Caruana 2005): how often a model is right, by how
 * confident it is. */
#pragma once
#include "common/plot/canvas.h"
#include "evaluate/metrics/evaluation.h"

/* A diagram of each of n models that yields probabilities, side by side; refused if there is none. */
CanvasFigure reliability_figure(Evaluation *const *models, guint n);
