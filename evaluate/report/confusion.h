/* confusion: confusion matrices as a plot: one heatmap per model, side by side under a common title.
 * Legible from 2 to about a hundred classes: as their number grows, labels are rotated, then made smaller, then
 * replaced by numbers with a key below the heatmaps. */
#pragma once
#include "common/plot/canvas.h"
#include "evaluate/metrics/evaluation.h"

/* What the cells show: scikit-learn's `normalize` of confusion_matrix. */
typedef enum {
    CONFUSION_COUNTS,    /* images */
    CONFUSION_TRUE,      /* shares of the true class: rows sum to 1 */
    CONFUSION_PREDICTED, /* shares of the predicted class: columns sum to 1 */
    CONFUSION_ALL,       /* shares of all images */
} ConfusionCells;
#define CONFUSION_CHOICES "none|true|pred|all"

typedef struct {
    const Comparison *of;
    Evaluation *const *models; /* (n) of its models: a heatmap each */
    guint n;
    const char *title; /* common title; NULL for none */
    ConfusionCells cells;
} Confusion;

/* cells (L, L) of a matrix: counts, or shares (0 where there is nothing to divide by). */
void confusion_values(const guint *matrix, guint classes, ConfusionCells cells, double *values);

/* Refused with too many classes. */
CanvasFigure confusion_figure(const Confusion *confusion);
