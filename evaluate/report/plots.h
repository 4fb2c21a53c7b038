/* plots: a comparison as confusion matrices and reliability diagrams, for files and for the report. */
#pragma once
#include "evaluate/metrics/evaluation.h"
#include "evaluate/report/confusion.h"
#include "evaluate/report/reliability.h"

typedef struct {
    Confusion confusion;
    ReliabilityPanel *reliability; /* of the models that have probabilities */
    guint n_reliability;
    GPtrArray *texts; /* char*: strings that the two borrow */
} Plots;

/* comparison and title (NULL for the source's name) are borrowed until plots_free. */
Plots *plots_new(const Comparison *comparison, const char *title, ConfusionCells cells);
void plots_free(Plots *plots);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plots, plots_free)
