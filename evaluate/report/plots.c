/* plots: see plots.h. */
#include "evaluate/report/plots.h"

static const char *keep(Plots *plots, char *text)
{
    g_ptr_array_add(plots->texts, text);
    return text;
}

static char *default_title(const Comparison *comparison)
{
    return g_strdup_printf("Confusion matri%s on %s", comparison->models > 1 ? "ces" : "x",
                           comparison->images->list->root);
}

Plots *plots_new(const Comparison *comparison, const char *title, ConfusionCells cells)
{
    guint n = comparison->models;
    Plots *plots = g_new0(Plots, 1);
    ConfusionPanel *panels = g_new(ConfusionPanel, n);
    plots->texts = g_ptr_array_new_with_free_func(g_free);
    plots->reliability = g_new0(ReliabilityPanel, n);
    for (guint i = 0; i < n; i++) {
        const Evaluation *evaluation = comparison->evaluations[i];
        char *caption = g_strdup_printf("%s: %.1f %% right", evaluation->name, 100 * evaluation->accuracy);
        panels[i] = (ConfusionPanel){keep(plots, caption), evaluation->matrix};
        if (evaluation->probabilities)
            plots->reliability[plots->n_reliability++] =
                (ReliabilityPanel){evaluation->name, evaluation->bins};
    }
    plots->confusion = (Confusion){title ? title : keep(plots, default_title(comparison)),
                                   panels,
                                   n,
                                   comparison->names,
                                   comparison->classes,
                                   cells};
    return plots;
}

void plots_free(Plots *plots)
{
    if (!plots)
        return;
    g_free((gpointer)plots->confusion.panels);
    g_free(plots->reliability);
    g_ptr_array_unref(plots->texts);
    g_free(plots);
}
