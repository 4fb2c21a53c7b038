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
    gboolean share, less_is_better;
} metrics[] = {
    {"accuracy", "Accuracy", accuracy_of, TRUE, FALSE},
    {"top-k", "Top-%u accuracy", top_k_of, TRUE, FALSE},
    {"macro-f1", "Macro F1", macro_f1_of, TRUE, FALSE},
    {"weighted-f1", "Weighted F1", weighted_f1_of, TRUE, FALSE},
    {"log-loss", "Log loss", log_loss_of, FALSE, TRUE},
    {"calibration-error", "Calibration error", calibration_error_of, TRUE, TRUE},
};

/* Caller frees. */
static char *metric_title(const Report *report, guint metric)
{
    return metrics[metric].of == top_k_of ? g_strdup_printf(metrics[metric].title, report->comparison->k)
                                          : g_strdup(metrics[metric].title);
}

static gboolean is_shown(const Report *report, guint figure)
{
    return metrics[figure].of != top_k_of || comparison_has_top_k(report->comparison);
}

/* The best of several models; none if all are equal, or it is no better than guessing. */
static gboolean is_best(const Report *report, guint figure, const Evaluation *evaluation)
{
    double own = metrics[figure].of(evaluation);
    gboolean beats = FALSE;
    if (evaluation->guess_p >= VERDICT_LEVEL)
        return FALSE;
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
    g_autofree char *title = metric_title(report, figure);
    g_autofree char *attributes =
        isnan(value)
            ? g_strdup(
                  " data-value=\"Infinity\" title=\"the model outputs decision values, not probabilities\"")
            : g_strdup_printf(" class=\"%s%s\" data-value=\"%.17g\"", metrics[figure].id,
                              is_best(report, figure, evaluation) ? " best" : "", value);
    html_cell(page, title, attributes);
    if (isnan(value))
        g_string_append(page, "\u2013");
    else if (metrics[figure].share)
        html_share(page, value);
    else
        g_string_append_printf(page, "%.3f", value);
    g_string_append(page, "</td>");
}

static void append_interval(GString *page, Interval interval)
{
    g_string_append_printf(page, "%.1f to ", 100 * interval.low);
    html_share(page, interval.high);
}

static void append_metrics_table(const Report *report)
{
    GString *page = report->page;
    html_open_table(
        page, models(report) > 1 ? " class=\"fold sortable\" id=\"models\"" : " class=\"fold\" id=\"models\"",
        "Metrics of the models");
    g_string_append(page, "<thead><tr><th scope=\"col\" class=\"text\">Model</th>");
    for (guint f = 0; f < G_N_ELEMENTS(metrics); f++) {
        if (!is_shown(report, f))
            continue;
        g_autofree char *title = metric_title(report, f);
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
            if (f > 0)
                continue;
            g_autofree char *value = g_strdup_printf(" data-value=\"%.17g\"", evaluation->interval.low);
            html_cell(page, "95 % interval", value);
            append_interval(page, evaluation->interval);
            g_string_append(page, "</td>");
        }
        g_string_append(page, "</tr>\n");
    }
    html_close_table(page);
}

static void append_pair(const Report *report, guint i, guint j)
{
    GString *page = report->page;
    const Evaluation *first = model_at(report, i), *second = model_at(report, j);
    McNemar test = comparison_test(report->comparison, i, j);
    const Evaluation *better = test.first_only > test.second_only ? first : second;
    g_string_append(page, "<tr><th scope=\"row\">");
    html_text(page, first->name);
    g_string_append(page, " and ");
    html_text(page, second->name);
    g_string_append(page, "</th>");
    html_cell(page, "only the first right", "");
    g_string_append_printf(page, "%u</td>", test.first_only);
    html_cell(page, "only the second right", "");
    g_string_append_printf(page, "%u</td>", test.second_only);
    html_cell(page, "p", "");
    html_p(page, test.p);
    g_string_append(page, "</td>");
    html_cell(page, "at 5 %", " class=\"text\"");
    html_text(page, test.p < VERDICT_LEVEL ? better->name : "not significant");
    g_string_append(page, test.p < VERDICT_LEVEL ? " is better</td></tr>\n" : "</td></tr>\n");
}

static void append_mcnemar(const Report *report)
{
    GString *page = report->page;
    gboolean grouped = report->comparison->units != NULL;
    g_string_append(page, "<h3>Is one really better?</h3>\n<p>");
    g_string_append_printf(
        page,
        grouped ? "The exact test of signs considers by how many images one model is ahead of the "
                  "other in each of the %u groups. p is the probability of a difference at least "
                  "this large if both models were equally good.</p>\n"
                : "McNemar's exact test considers the images that "
                  "only one of two models gets right. p is the probability of a split at least this "
                  "uneven if both models were equally good.</p>\n",
        report->comparison->n_groups);
    html_open_table(page, " class=\"fold\"", grouped ? "Exact test of signs" : "McNemar's exact test");
    g_string_append(
        page,
        "<thead><tr><th scope=\"col\" class=\"text\">Models</th><th scope=\"col\">only the first right</th>"
        "<th scope=\"col\">only the second right</th><th scope=\"col\">p</th>"
        "<th scope=\"col\" class=\"text\">at 5&nbsp;%</th></tr></thead>\n<tbody>\n");
    for (guint i = 0; i < models(report); i++)
        for (guint j = i + 1; j < models(report); j++)
            append_pair(report, i, j);
    html_close_table(page);
}

void section_metrics(const Report *report)
{
    section_open(report, "figures");
    append_metrics_table(report);
    if (models(report) > 1)
        append_mcnemar(report);
    g_string_append(report->page, "</section>\n");
}

/* ---- Classes ---- */

static void append_share(GString *page, const char *label, double value)
{
    g_autofree char *attributes =
        g_strdup_printf(" class=\"bar\" data-value=\"%.17g\" style=\"--share:%.1f%%\"", value, 100 * value);
    html_cell(page, label, attributes);
    html_share(page, value);
    g_string_append(page, "</td>");
}

static void append_class_heads(const Report *report, guint first, guint n)
{
    GString *page = report->page;
    g_string_append(page,
                    "<thead><tr><th scope=\"col\" class=\"text\">Class</th><th scope=\"col\">Images</th>");
    if (n == 1)
        g_string_append(
            page, "<th scope=\"col\">Precision</th><th scope=\"col\">Recall</th><th scope=\"col\">F1</th>");
    for (guint j = first; n > 1 && j < first + n; j++) {
        g_string_append(page, "<th scope=\"col\">F1, ");
        html_text(page, model_at(report, j)->name);
        g_string_append(page, "</th>");
    }
    g_string_append(page, "</tr></thead>\n<tbody>\n");
}

/* Precision, recall and F1 of one model, or F1 of each of several. */
static void append_classes(const Report *report, const char *attributes, guint first, guint n)
{
    GString *page = report->page;
    const char *const *names = test_images_class_names(report->comparison->images);
    html_open_table(page, attributes, "Metrics of each class");
    append_class_heads(report, first, n);
    for (guint c = 0; c < comparison_classes(report->comparison); c++) {
        guint support = model_at(report, 0)->per_class[c].support;
        g_autofree char *value = g_strdup_printf(" data-value=\"%u\"", support);
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, names[c]);
        g_string_append(page, "</th>");
        html_cell(page, "Images", value);
        g_string_append_printf(page, "%u</td>", support);
        for (guint j = first; j < first + n; j++) {
            ClassMetrics f = model_at(report, j)->per_class[c];
            if (n == 1) {
                append_share(page, "Precision", f.precision);
                append_share(page, "Recall", f.recall);
            }
            append_share(page, n == 1 ? "F1" : model_at(report, j)->name, f.f1);
        }
        g_string_append(page, "</tr>\n");
    }
    html_close_table(page);
}

void section_classes(const Report *report)
{
    GString *page = report->page;
    section_open(report, "classes");
    g_string_append(page,
                    "<p class=\"controls\" hidden><label for=\"filter\">Show classes with</label> <input "
                    "id=\"filter\" type=\"search\" autocomplete=\"off\"></p>\n");
    append_classes(report, " class=\"fold sortable\" id=\"per-class\"", 0, models(report));
    for (guint j = 0; report_several(report) && j < models(report); j++) {
        html_open_model(page, model_at(report, j)->name, TRUE, FALSE);
        append_classes(report, " class=\"fold sortable\"", j, 1);
        html_close_model(page, TRUE);
    }
    g_string_append(page, "</section>\n");
}

/* ---- Settings ---- */

static void append_entry(GString *page, const char *term, const char *value)
{
    html_element(page, "dt", term);
    html_element(page, "dd", value);
    g_string_append_c(page, '\n');
}

static void append_code(GString *page, const char *term, const char *value)
{
    html_element(page, "dt", term);
    g_string_append(page, "<dd>");
    html_element(page, "code", value);
    g_string_append(page, "</dd>\n");
}

static void append_feature_spec(GString *page, const FeatureSpec *spec)
{
    g_autofree char *layer = feature_spec_output(spec);
    g_autofree char *shape =
        g_strdup_printf("%s, %d × %d × %d", layer, spec->shape[0], spec->shape[1], spec->shape[2]);
    if (feature_spec_is_imported(spec)) {
        append_entry(page, "input vector", shape);
        append_entry(page, "features made by", spec->weights_source);
        return;
    }
    g_autofree char *images =
        g_strdup_printf("%s to %d × %d pixels, normalised as %s", preset_name(spec->preset), spec->side,
                        spec->side, normalization_name(spec->normalization));
    if (spec->weights_hash[0]) {
        append_code(page, "base", spec->weights_source);
        append_code(page, "base weights, SHA-256", spec->weights_hash);
    } else
        append_entry(page, "base", "none: the model works on pixels");
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
        g_autofree char *words = g_strdelimit(g_strdup(key), "_", ' ');
        append_entry(page, words, dump ? dump : json_string_value(value));
        free(dump);
    }
}

static void append_model_settings(GString *page, const Evaluation *evaluation)
{
    const Model *model = evaluation->model;
    g_autofree char *parameters = g_strdup_printf("%" G_GSIZE_FORMAT, network_parameters(model->network));
    g_autofree char *temperature = g_strdup_printf("temperature %.4g", model->temperature);
    g_autofree char *summary = network_summary(model->network, evaluation->name, NULL);
    g_string_append(page, "<dl>\n");
    append_code(page, "file", evaluation->path);
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
    section_open(report, "settings");
    for (guint j = 0; j < models(report); j++) {
        html_open_model(page, model_at(report, j)->name, report_several(report), report_opens(report, j));
        append_model_settings(page, model_at(report, j));
        html_close_model(page, report_several(report));
    }
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
