/* report_tables: the sections of the report that are tables; see report_sections.h. */
#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"

#include <math.h>
#include <string.h>

static guint models(const Report *report)
{
    return report->comparison->evaluations->len;
}

static const Evaluation *model_at(const Report *report, guint index)
{
    return comparison_model(report->comparison, index);
}

/* A table wider than the page can be scrolled, also with the keyboard. */
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

/* ---- Metrics ---- */

typedef double (*FigureOf)(const Evaluation *evaluation);

static double accuracy_of(const Evaluation *evaluation)
{
    return evaluation->accuracy;
}

static double top_k_of(const Evaluation *evaluation)
{
    return evaluation->top_k;
}

static double macro_f1_of(const Evaluation *evaluation)
{
    return evaluation->macro.f1;
}

static double weighted_f1_of(const Evaluation *evaluation)
{
    return evaluation->weighted.f1;
}

static double log_loss_of(const Evaluation *evaluation)
{
    return evaluation->log_loss;
}

static double calibration_error_of(const Evaluation *evaluation)
{
    return evaluation->calibration_error;
}

static const struct {
    const char *id, *title;
    FigureOf of;
    gboolean percent, less_is_better;
} metrics[] = {
    {"accuracy", "Accuracy", accuracy_of, TRUE, FALSE},
    {"top-k", "Top-%u accuracy", top_k_of, TRUE, FALSE},
    {"macro-f1", "Macro F1", macro_f1_of, FALSE, FALSE},
    {"weighted-f1", "Weighted F1", weighted_f1_of, FALSE, FALSE},
    {"log-loss", "Log loss", log_loss_of, FALSE, TRUE},
    {"calibration-error", "Calibration error", calibration_error_of, FALSE, TRUE},
};

static gboolean is_shown(const Report *report, guint figure)
{
    return metrics[figure].of != top_k_of || comparison_has_top_k(report->comparison);
}

/* The best of several models; none if all are equal. */
static gboolean is_best(const Report *report, guint figure, const Evaluation *evaluation)
{
    double own = metrics[figure].of(evaluation);
    gboolean beats = FALSE;
    for (guint j = 0; j < models(report); j++) {
        double other = metrics[figure].of(model_at(report, j));
        double ahead = metrics[figure].less_is_better ? other - own : own - other;
        if (isnan(own) || ahead < 0)
            return FALSE;
        beats |= ahead > 0;
    }
    return beats;
}

static void append_figure(const Report *report, guint figure, const Evaluation *evaluation)
{
    GString *page = report->page;
    double value = metrics[figure].of(evaluation);
    if (isnan(value)) {
        g_string_append(page, "<td data-value=\"Infinity\" title=\"the model outputs decision values, not "
                              "probabilities\">\u2013</td>");
        return;
    }
    g_string_append_printf(page, "<td class=\"%s%s\" data-value=\"%.17g\">", metrics[figure].id,
                           is_best(report, figure, evaluation) ? " best" : "", value);
    g_string_append_printf(page, metrics[figure].percent ? "%.2f&nbsp;%%</td>" : "%.4f</td>",
                           metrics[figure].percent ? 100 * value : value);
}

static void append_metrics_table(const Report *report)
{
    GString *page = report->page;
    open_table(page, models(report) > 1 ? " class=\"sortable\" id=\"models\"" : " id=\"models\"",
               "Metrics of the models");
    g_string_append(page, "<thead><tr><th scope=\"col\" class=\"text\">Model</th>");
    for (guint f = 0; f < G_N_ELEMENTS(metrics); f++) {
        if (!is_shown(report, f))
            continue;
        g_autofree char *title = strchr(metrics[f].title, '%')
                                     ? g_strdup_printf("Top-%u accuracy", report->comparison->k)
                                     : g_strdup(metrics[f].title);
        g_string_append_printf(page, "<th scope=\"col\">%s</th>", title);
        if (f == 0)
            g_string_append(page, "<th scope=\"col\">95&nbsp;% interval</th>");
    }
    g_string_append(page, "</tr></thead>\n<tbody>\n");
    for (guint j = 0; j < models(report); j++) {
        const Evaluation *evaluation = model_at(report, j);
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, evaluation->name);
        g_string_append(page, "</th>");
        for (guint f = 0; f < G_N_ELEMENTS(metrics); f++) {
            if (is_shown(report, f))
                append_figure(report, f, evaluation);
            if (f == 0)
                g_string_append_printf(page, "<td data-value=\"%.17g\">%.2f to %.2f&nbsp;%%</td>",
                                       evaluation->interval.low, 100 * evaluation->interval.low,
                                       100 * evaluation->interval.high);
        }
        g_string_append(page, "</tr>\n");
    }
    close_table(page);
}

static void append_pair(const Report *report, const Evaluation *first, const Evaluation *second)
{
    GString *page = report->page;
    McNemar test = metrics_mcnemar(test_images_labels(report->comparison->images), first->predicted,
                                   second->predicted, comparison_count(report->comparison));
    const Evaluation *better = test.first_only > test.second_only ? first : second;
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
        g_string_append(page, "not significant</td></tr>\n");
}

static void append_mcnemar(const Report *report)
{
    GString *page = report->page;
    g_string_append(page, "<h3>Is one really better?</h3>\n<p>McNemar's exact test considers the images that "
                          "only one of two models gets right. p is the probability of a split at least this "
                          "uneven if both models were equally good.</p>\n");
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

void section_metrics(const Report *report)
{
    g_string_append(report->page, "<section id=\"figures\">\n<h2>Metrics</h2>\n");
    append_metrics_table(report);
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
    const char *const *names = test_images_class_names(report->comparison->images);
    g_string_append(
        page,
        "<section id=\"classes\">\n<h2>Classes</h2>\n<p class=\"controls\" hidden><label for=\"filter\">Show "
        "classes with</label> <input id=\"filter\" type=\"search\" autocomplete=\"off\"></p>\n");
    open_table(page, " class=\"sortable\" id=\"per-class\"", "Metrics of each class");
    append_class_heads(report);
    for (guint c = 0; c < comparison_classes(report->comparison); c++) {
        guint support = model_at(report, 0)->per_class[c].support;
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, names[c]);
        g_string_append_printf(page, "</th><td data-value=\"%u\">%u</td>", support, support);
        for (guint j = 0; j < models(report); j++) {
            ClassMetrics f = model_at(report, j)->per_class[c];
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

static void append_feature_spec(GString *page, const FeatureSpec *spec)
{
    g_autofree char *shape =
        g_strdup_printf("%s, %d × %d × %d", spec->layer, spec->shape[0], spec->shape[1], spec->shape[2]);
    if (feature_spec_is_imported(spec)) {
        append_entry(page, "input vector", shape);
        append_entry(page, "features made by", spec->weights_source);
        return;
    }
    g_autofree char *images =
        g_strdup_printf("%s to %d × %d pixels, normalised as %s", preset_name(spec->preset), spec->side,
                        spec->side, normalization_name(spec->normalization));
    append_entry(page, "base",
                 spec->weights_hash[0] ? spec->weights_source : "none: the model works on pixels");
    if (spec->weights_hash[0])
        append_entry(page, "base weights, SHA-256", spec->weights_hash);
    append_entry(page, "input vector", shape);
    append_entry(page, "images", images);
}

/* The training's settings except the history of epochs, which has a plot. */
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

static void append_model_settings(GString *page, const Evaluation *evaluation)
{
    const Model *model = evaluation->model;
    g_autofree char *parameters = g_strdup_printf("%" G_GSIZE_FORMAT, network_parameters(model->network));
    g_autofree char *temperature = g_strdup_printf("temperature %.4g", model->temperature);
    g_autofree char *summary = network_summary(model->network, evaluation->name, NULL);
    html_element(page, "h3", evaluation->name);
    g_string_append(page, "<dl>\n");
    append_entry(page, "file", evaluation->path);
    append_entry(page, "approach", model->approach);
    append_entry(page, "head", model->head);
    append_feature_spec(page, model->spec);
    append_entry(page, "scaling of vectors", scaling_name(model->scaling->kind));
    append_entry(page, "parameters", parameters);
    append_entry(page, "outputs", evaluation->probabilities ? "probabilities" : "decision values");
    append_entry(page, "calibration", model->temperature > 0 ? temperature : "none");
    append_training(page, model->training);
    g_string_append(page, "</dl>\n<details><summary>Layers</summary><pre>");
    html_text(page, summary);
    g_string_append(page, "</pre></details>\n");
}

void section_settings(const Report *report)
{
    GString *page = report->page;
    const GPtrArray *skipped = report->comparison->images->skipped;
    g_string_append(page, "<section id=\"settings\">\n<h2>Settings</h2>\n");
    for (guint j = 0; j < models(report); j++)
        append_model_settings(page, model_at(report, j));
    if (skipped->len) {
        g_string_append_printf(page,
                               "<h3>Images that could not be read</h3>\n<details><summary>%u</summary><ul>\n",
                               skipped->len);
        for (guint i = 0; i < skipped->len; i++)
            html_element(page, "li", skipped->pdata[i]);
        g_string_append(page, "</ul></details>\n");
    }
    g_string_append(page, "</section>\n");
}
