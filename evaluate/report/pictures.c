/* pictures: see pictures.h. */
#include "evaluate/report/pictures.h"

#include <string.h>

static const char *keep(Pictures *pictures, char *text)
{
    g_ptr_array_add(pictures->texts, text);
    return text;
}

static char *default_title(const Comparison *comparison)
{
    return g_strdup_printf("Confusion matri%s on %s", comparison->evaluations->len > 1 ? "ces" : "x",
                           comparison->examples->source);
}

Pictures *pictures_new(const Comparison *comparison, const char *title, ConfusionCells cells)
{
    guint n = comparison->evaluations->len;
    Pictures *pictures = g_new0(Pictures, 1);
    ConfusionPanel *panels = g_new(ConfusionPanel, n);
    pictures->texts = g_ptr_array_new_with_free_func(g_free);
    pictures->reliability = g_new0(ReliabilityPanel, n);
    for (guint i = 0; i < n; i++) {
        const Evaluation *evaluation = comparison_model(comparison, i);
        char *caption = g_strdup_printf("%s: %.2f %% right", evaluation->name, 100 * evaluation->accuracy);
        panels[i] = (ConfusionPanel){keep(pictures, caption), evaluation->matrix};
        if (!evaluation->probabilities)
            continue;
        ReliabilityPanel *panel = &pictures->reliability[pictures->n_reliability++];
        panel->title = evaluation->name;
        memcpy(panel->bins, evaluation->bins, sizeof panel->bins);
    }
    pictures->confusion = (Confusion){title ? title : keep(pictures, default_title(comparison)),
                                      panels,
                                      n,
                                      examples_names(comparison->examples),
                                      comparison_classes(comparison),
                                      cells};
    return pictures;
}

void pictures_free(Pictures *pictures)
{
    if (!pictures)
        return;
    g_free((gpointer)pictures->confusion.panels);
    g_free(pictures->reliability);
    g_ptr_array_unref(pictures->texts);
    g_free(pictures);
}
