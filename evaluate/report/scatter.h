/* scatter: the images of a cache by the first two principal components of their features: which classes are separate,
 * which overlap, and where the best model is wrong. */
#pragma once
#include "common/plot/canvas.h"
#include "evaluate/metrics/evaluation.h"

typedef struct {
    const Comparison *comparison; /* borrowed */
    const Evaluation *best;       /* model */
    guint n;                      /* images shown */
    guint *images;     /* (n) of the comparison's, the one that is shown: all, or some at even distances */
    double *xy;        /* (n, 2) coordinates */
    guint *order;      /* (L) classes, those with the most mistakes first, equals in order */
    GPtrArray *legend; /* char*: its entries */
    double shares[2];  /* of the variance, that the components explain */
} Scatter;

/* Reads the features again. Of images of a cache. NULL and error if it cannot be read, or the user interrupted. */
Scatter *scatter_new(const Comparison *comparison, GError **error);
void scatter_free(Scatter *scatter);

CanvasFigure scatter_figure(const Scatter *scatter);

/* What the plot shows, in a sentence. Caller frees. */
char *scatter_caption(const Scatter *scatter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scatter, scatter_free)
