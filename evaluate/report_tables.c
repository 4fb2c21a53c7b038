/* report_tables: those sections of the report that are tables; see report_sections.h. */
#include "evaluate/html.h"
#include "evaluate/report_sections.h"
#include <math.h>
#include <string.h>

static guint models(const Report *report)
{
    return report->comparison->judgements->len;
}

static const Judgement *model_at(const Report *report, guint index)
{
    return comparison_model(report->comparison, index);
}

/* A table that may be wider than the page scrolls, by keyboard too. */
static void open_table(GString *page, const char *attributes, const char *label)
{
    g_string_append(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(page, label);
    g_string_append_printf(page, "\"><table%s>\n", attributes);
}

static void close_table(GString *page)
{
    g_string_append(page, "</tbody></table></div>\n");
}

/* ---- Figures ---- */

typedef double (*FigureOf)(const Judgement *judgement);

static double accuracy_of(const Judgement *judgement)
{
    return judgement->accuracy;
}

static double top_k_of(const Judgement *judgement)
{
    return judgement->top_k;
}

static double macro_f1_of(const Judgement *judgement)
{
    return judgement->macro.f1;
}

static double weighted_f1_of(const Judgement *judgement)
{
    return judgement->weighted.f1;
}

static double log_loss_of(const Judgement *judgement)
{
    return judgement->log_loss;
}

static double calibration_error_of(const Judgement *judgement)
{
    return judgement->calibration_error;
}

static const struct {
    const char *id, *title;
    FigureOf of;
    gboolean percent, less_is_better;
} figures[] = {
    {"accuracy", "Accuracy", accuracy_of, TRUE, FALSE},
    {"top-k", "Top-%u accuracy", top_k_of, TRUE, FALSE},
    {"macro-f1", "Macro F1", macro_f1_of, FALSE, FALSE},
    {"weighted-f1", "Weighted F1", weighted_f1_of, FALSE, FALSE},
    {"log-loss", "Log loss", log_loss_of, FALSE, TRUE},
    {"calibration-error", "Calibration error", calibration_error_of, FALSE, TRUE},
};

static gboolean is_shown(const Report *report, guint figure)
{
    return figures[figure].of != top_k_of || comparison_has_top_k(report->comparison);
}

/* Best of several models: none where all are equal. */
static gboolean is_best(const Report *report, guint figure, const Judgement *judgement)
{
    double own = figures[figure].of(judgement);
    gboolean beats = FALSE;
    for (guint j = 0; j < models(report); j++) {
        double other = figures[figure].of(model_at(report, j));
        double ahead = figures[figure].less_is_better ? other - own : own - other;
        if (isnan(own) || ahead < 0)
            return FALSE;
        beats |= ahead > 0;
    }
    return beats;
}

static void append_figure(const Report *report, guint figure, const Judgement *judgement)
{
    GString *page = report->page;
    double value = figures[figure].of(judgement);
    if (isnan(value)) {
        g_string_append(
            page,
            "<td data-value=\"Infinity\" title=\"the model gives margins, not probabilities\">\u2013</td>");
        return;
    }
    g_string_append_printf(page, "<td class=\"%s%s\" data-value=\"%.17g\">", figures[figure].id,
                           is_best(report, figure, judgement) ? " best" : "", value);
    g_string_append_printf(page, figures[figure].percent ? "%.2f&nbsp;%%</td>" : "%.4f</td>",
                           figures[figure].percent ? 100 * value : value);
}

static void append_figures_table(const Report *report)
{
    GString *page = report->page;
    open_table(page, models(report) > 1 ? " class=\"sortable\" id=\"models\"" : " id=\"models\"",
               "Figures of the models");
    g_string_append(page, "<thead><tr><th scope=\"col\" class=\"text\">Model</th>");
    for (guint f = 0; f < G_N_ELEMENTS(figures); f++) {
        if (!is_shown(report, f))
            continue;
        g_autofree char *title = strchr(figures[f].title, '%')
                                     ? g_strdup_printf("Top-%u accuracy", report->comparison->k)
                                     : g_strdup(figures[f].title);
        g_string_append_printf(page, "<th scope=\"col\">%s</th>", title);
        if (f == 0)
            g_string_append(page, "<th scope=\"col\">95&nbsp;% interval</th>");
    }
    g_string_append(page, "</tr></thead>\n<tbody>\n");
    for (guint j = 0; j < models(report); j++) {
        const Judgement *judgement = model_at(report, j);
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, judgement->name);
        g_string_append(page, "</th>");
        for (guint f = 0; f < G_N_ELEMENTS(figures); f++) {
            if (is_shown(report, f))
                append_figure(report, f, judgement);
            if (f == 0)
                g_string_append_printf(page, "<td data-value=\"%.17g\">%.2f to %.2f&nbsp;%%</td>",
                                       judgement->interval.low, 100 * judgement->interval.low,
                                       100 * judgement->interval.high);
        }
        g_string_append(page, "</tr>\n");
    }
    close_table(page);
}

static void append_pair(const Report *report, const Judgement *first, const Judgement *second)
{
    GString *page = report->page;
    McNemar test = metrics_mcnemar(examples_labels(report->comparison->examples), first->predicted,
                                   second->predicted, comparison_count(report->comparison));
    const Judgement *better = test.first_only > test.second_only ? first : second;
    g_string_append(page, "<tr><th scope=\"row\">");
    html_text(page, first->name);
    g_string_append(page, " and ");
    html_text(page, second->name);
    g_string_append_printf(page, "</th><td>%u</td><td>%u</td><td>%.3g</td><td class=\"text\">",
                           test.first_only, test.second_only, test.p);
    if (test.p < 0.05) {
        html_text(page, better->name);
        g_string_append(page, " is better</td></tr>\n");
    } else
        g_string_append(page, "may well be chance</td></tr>\n");
}

static void append_mcnemar(const Report *report)
{
    GString *page = report->page;
    g_string_append(page, "<h3>Is one really better?</h3>\n<p>McNemar's exact test looks at the images only "
                          "one of two models has "
                          "right. p is the chance of so unequal a split were both equally good.</p>\n");
    open_table(page, "", "McNemar's exact test");
    g_string_append(
        page,
        "<thead><tr><th scope=\"col\" class=\"text\">Models</th><th scope=\"col\">only the first right</th>"
        "<th scope=\"col\">only the second right</th><th scope=\"col\">p</th>"
        "<th scope=\"col\" class=\"text\">at 5&nbsp;%</th></tr></thead>\n<tbody>\n");
    for (guint i = 0; i < models(report); i++)
        for (guint j = i + 1; j < models(report); j++)
            append_pair(report, model_at(report, i), model_at(report, j));
    close_table(page);
}

void section_figures(const Report *report)
{
    g_string_append(report->page, "<section id=\"figures\">\n<h2>Figures</h2>\n");
    append_figures_table(report);
    if (models(report) > 1)
        append_mcnemar(report);
    g_string_append(report->page, "</section>\n");
}

/* ---- Classes ---- */

static void append_share(GString *page, double value)
{
    g_string_append_printf(page, "<td class=\"bar\" data-value=\"%.17g\" style=\"--share:%.1f%%\">%.3f</td>",
                           value, 100 * value, value);
}

static void append_class_heads(const Report *report)
{
    GString *page = report->page;
    g_string_append(page, "<thead>");
    if (models(report) > 1) {
        g_string_append(page, "<tr><td></td><td></td>");
        for (guint j = 0; j < models(report); j++) {
            g_string_append(page, "<th scope=\"colgroup\" colspan=\"3\" class=\"text\">");
            html_text(page, model_at(report, j)->name);
            g_string_append(page, "</th>");
        }
        g_string_append(page, "</tr>\n");
    }
    g_string_append(page, "<tr><th scope=\"col\" class=\"text\">Class</th><th scope=\"col\">Images</th>");
    for (guint j = 0; j < models(report); j++)
        g_string_append(
            page, "<th scope=\"col\">Precision</th><th scope=\"col\">Recall</th><th scope=\"col\">F1</th>");
    g_string_append(page, "</tr></thead>\n<tbody>\n");
}

void section_classes(const Report *report)
{
    GString *page = report->page;
    const char *const *names = examples_names(report->comparison->examples);
    g_string_append(
        page,
        "<section id=\"classes\">\n<h2>Classes</h2>\n<p class=\"controls\" hidden><label for=\"filter\">Show "
        "classes with</label> <input id=\"filter\" type=\"search\" autocomplete=\"off\"></p>\n");
    open_table(page, " class=\"sortable\" id=\"per-class\"", "Figures of each class");
    append_class_heads(report);
    for (guint c = 0; c < comparison_classes(report->comparison); c++) {
        guint support = model_at(report, 0)->per_class[c].support;
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, names[c]);
        g_string_append_printf(page, "</th><td data-value=\"%u\">%u</td>", support, support);
        for (guint j = 0; j < models(report); j++) {
            ClassFigures f = model_at(report, j)->per_class[c];
            append_share(page, f.precision);
            append_share(page, f.recall);
            append_share(page, f.f1);
        }
        g_string_append(page, "</tr>\n");
    }
    close_table(page);
    g_string_append(page, "</section>\n");
}

/* ---- Settings ---- */

static void append_entry(GString *page, const char *term, const char *value)
{
    g_string_append(page, "<dt>");
    html_text(page, term);
    g_string_append(page, "</dt><dd>");
    html_text(page, value);
    g_string_append(page, "</dd>\n");
}

static void append_recipe(GString *page, const Recipe *recipe)
{
    g_autofree char *shape = g_strdup_printf("%s, %d × %d × %d", recipe->layer, recipe->shape[0],
                                             recipe->shape[1], recipe->shape[2]);
    g_autofree char *images =
        g_strdup_printf("%s to %d × %d pixels, normalised as %s", preset_name(recipe->preset), recipe->side,
                        recipe->side, normalization_name(recipe->normalization));
    append_entry(page, "base",
                 recipe->weights_hash[0] ? recipe->weights_source : "none: the model starts from pixels");
    if (recipe->weights_hash[0])
        append_entry(page, "base weights, SHA-256", recipe->weights_hash);
    append_entry(page, "input vector", shape);
    append_entry(page, "images", images);
}

/* Settings of the training but for the epochs' history, which has its own picture. */
static void append_training(GString *page, json_t *training)
{
    const char *key;
    json_t *value;
    json_object_foreach(training, key, value)
    {
        if (json_is_array(value) && json_array_size(value) && json_is_object(json_array_get(value, 0)))
            continue;
        char *dump =
            json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        append_entry(page, key, dump ? dump : json_string_value(value));
        free(dump);
    }
}

static void append_model_settings(GString *page, const Judgement *judgement)
{
    const Model *model = judgement->model;
    g_autofree char *parameters = g_strdup_printf("%" G_GSIZE_FORMAT, network_parameters(model->network));
    g_autofree char *temperature = g_strdup_printf("temperature %.4g", model->temperature);
    g_autofree char *summary = network_summary(model->network, judgement->name, NULL);
    html_element(page, "h3", judgement->name);
    g_string_append(page, "<dl>\n");
    append_entry(page, "file", judgement->path);
    append_entry(page, "approach", model->approach);
    append_entry(page, "head", model->head);
    append_recipe(page, model->recipe);
    append_entry(page, "scaling of vectors", scaling_name(model->scaling->kind));
    append_entry(page, "parameters", parameters);
    append_entry(page, "outputs", judgement->probabilities ? "probabilities" : "margins (decision values)");
    append_entry(page, "calibration", model->temperature > 0 ? temperature : "none");
    append_training(page, model->training);
    g_string_append(page, "</dl>\n<details><summary>Layers</summary><pre>");
    html_text(page, summary);
    g_string_append(page, "</pre></details>\n");
}

void section_settings(const Report *report)
{
    GString *page = report->page;
    const GPtrArray *skipped = report->comparison->examples->skipped;
    g_string_append(page, "<section id=\"settings\">\n<h2>Settings</h2>\n");
    for (guint j = 0; j < models(report); j++)
        append_model_settings(page, model_at(report, j));
    if (skipped->len) {
        g_string_append_printf(page,
                               "<h3>Images that could not be used</h3>\n<details><summary>%u</summary><ul>\n",
                               skipped->len);
        for (guint i = 0; i < skipped->len; i++)
            html_element(page, "li", skipped->pdata[i]);
        g_string_append(page, "</ul></details>\n");
    }
    g_string_append(page, "</section>\n");
}
