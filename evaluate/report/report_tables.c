/* report_tables: the metrics as lines of page and JSON, and the sections of the report that are tables; see
 * report_answers.h and report_sections.h. */
#include "evaluate/report/report_answers.h"
#include "evaluate/report/report_sections.h"

#include <math.h>
#include <stddef.h>

/* ---- Metrics ---- */

static const struct {
    const char *name, *title;
    gsize at; /* of the double in an Evaluation */
    gboolean share, less_is_better;
} metrics[] = {
    {"accuracy", "Accuracy", offsetof(Evaluation, accuracy), TRUE, FALSE},
    {"top_k", "Top-%u accuracy", offsetof(Evaluation, top_k), TRUE, FALSE},
    {NULL, "Macro F1", offsetof(Evaluation, macro.f1), TRUE, FALSE},
    {NULL, "Weighted F1", offsetof(Evaluation, weighted.f1), TRUE, FALSE},
    {"log_loss", "Log loss", offsetof(Evaluation, log_loss), FALSE, TRUE},
    {"calibration_error", "Calibration error", offsetof(Evaluation, calibration_error), TRUE, TRUE},
};
enum { ACCURACY, TOP_K }; /* of these */

static double value_of(const Evaluation *evaluation, guint metric)
{
    return G_STRUCT_MEMBER(double, evaluation, metrics[metric].at);
}

/* The best of several models; none if all are equal, or it is no better than guessing. */
static gboolean is_best(const Comparison *comparison, guint metric, const Evaluation *evaluation)
{
    double own = value_of(evaluation, metric);
    gboolean beats = FALSE;
    if (evaluation->guess_p >= VERDICT_LEVEL)
        return FALSE;
    for (guint j = 0; j < comparison->models; j++) {
        double other = value_of(comparison->evaluations[j], metric);
        double ahead = metrics[metric].less_is_better ? other - own : own - other;
        if (isnan(own) || ahead < 0)
            return FALSE;
        beats |= ahead > 0;
    }
    return beats;
}

void describe_figures(Row *row, gconstpointer of, guint model)
{
    const Comparison *comparison = of;
    const Evaluation *evaluation = comparison->evaluations[model];
    g_autofree char *top = g_strdup_printf(metrics[TOP_K].title, comparison->k);
    row->missing = "the model outputs decision values, not probabilities";
    row_text(row, NULL, "Model", evaluation->name);
    for (guint m = 0; m < G_N_ELEMENTS(metrics); m++) {
        const char *title = m != TOP_K ? metrics[m].title : comparison->k < comparison->classes ? top : NULL;
        row->best = is_best(comparison, m, evaluation);
        if (metrics[m].share)
            row_share(row, metrics[m].name, title, value_of(evaluation, m));
        else
            row_number(row, metrics[m].name, title, value_of(evaluation, m), 3);
        row->best = FALSE;
        if (m == ACCURACY)
            row_interval(row, "accuracy_interval", "95\u00a0% interval", evaluation->interval);
        else if (m == TOP_K)
            row_count(row, "k", NULL, comparison->k);
    }
}

void describe_pair(Row *row, gconstpointer pairs, guint index)
{
    const ModelPair *pair = &g_array_index((const GArray *)pairs, ModelPair, index);
    g_autofree char *both = g_strdup_printf("%s and %s", pair->first->name, pair->second->name);
    g_autofree char *better = g_strdup_printf(
        "%s is better", (pair->test.first_only > pair->test.second_only ? pair->first : pair->second)->name);
    row_text(row, NULL, "Models", both);
    row_text(row, "first", NULL, pair->first->name);
    row_text(row, "second", NULL, pair->second->name);
    row_count(row, "first_only", "only the first right", pair->test.first_only);
    row_count(row, "second_only", "only the second right", pair->test.second_only);
    row_p(row, "p", "p", pair->test.p);
    row_text(row, NULL, "at 5\u00a0%", pair->test.p < VERDICT_LEVEL ? better : "not significant");
}

void section_metrics(Report *report)
{
    const Comparison *comparison = report->comparison;
    guint models = comparison->models;
    GString *page = report->page;
    rows_table(page, models > 1 ? "fold sortable" : "fold", "Metrics of the models", describe_figures,
               comparison, models);
    if (models == 1)
        return;
    g_string_append(page, "<h3>Is one really better?</h3>\n<p>");
    html_print(page,
               comparison->units
                   ? "The exact test of signs considers by how many images one model is ahead of the "
                     "other in each of the %u groups. p is the probability of a difference at least "
                     "this large if both models were equally good.</p>\n"
                   : "McNemar's exact test considers the images that "
                     "only one of two models gets right. p is the probability of a split at least "
                     "this uneven if both models were equally good.</p>\n",
               comparison->n_groups);
    rows_table(page, "fold", comparison->units ? "Exact test of signs" : "McNemar's exact test",
               describe_pair, comparison->pairs, comparison->pairs->len);
}

/* ---- Classes ---- */

void row_metrics(Row *row, ClassMetrics f)
{
    row_share(row, "precision", "Precision", f.precision);
    row_share(row, "recall", "Recall", f.recall);
    row_share(row, "f1-score", "F1", f.f1);
    row_count(row, "support", NULL, f.support);
}

static void begin_class(Row *row, const Comparison *comparison, guint class)
{
    row_text(row, NULL, "Class", comparison->names[class]);
    row_count(row, NULL, "Images", comparison->evaluations[0]->per_class[class].support);
    row->bars = TRUE;
}

static void describe_f1(Row *row, gconstpointer of, guint class)
{
    const Comparison *comparison = of;
    begin_class(row, comparison, class);
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        g_autofree char *title = g_strdup_printf("F1, %s", evaluation->name);
        row_share(row, NULL, title, evaluation->per_class[class].f1);
    }
}

static void describe_class(Row *row, gconstpointer of, guint class)
{
    const Evaluation *model = of;
    begin_class(row, model->comparison, class);
    row_metrics(row, model->per_class[class]);
}

static void append_classes(Report *report, Evaluation *model)
{
    rows_table(report->page, "fold sortable", "Metrics of each class", describe_class, model,
               report->comparison->classes);
}

void section_classes(Report *report)
{
    const Comparison *comparison = report->comparison;
    g_string_append(report->page,
                    "<p class=\"controls\" hidden><label for=\"filter\">Show classes with</label> <input "
                    "id=\"filter\" type=\"search\" autocomplete=\"off\"></p>\n");
    if (comparison->models > 1)
        rows_table(report->page, "fold sortable", "F1 of each class", describe_f1, comparison,
                   comparison->classes);
    report_models(report, append_classes);
}

/* ---- Settings ---- */

static void append_entry(GString *page, const char *term, const char *value)
{
    html_print(page, "<dt>%s</dt><dd>%s</dd>\n", term, value);
}

static void append_code(GString *page, const char *term, const char *value)
{
    html_print(page, "<dt>%s</dt><dd><code>%s</code></dd>\n", term, value);
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

static void append_model_settings(Report *report, Evaluation *evaluation)
{
    GString *page = report->page;
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
    html_print(page, "</dl>\n<details><summary>Layers</summary><pre>%s</pre></details>\n", summary);
}

void section_settings(Report *report)
{
    GString *page = report->page;
    const GPtrArray *skipped = report->comparison->images->skipped;
    report_models(report, append_model_settings);
    if (!skipped->len)
        return;
    html_print(page, "<h3>Images that could not be read</h3>\n<details><summary>%u</summary><ul>\n",
               skipped->len);
    for (guint i = 0; i < skipped->len; i++)
        html_print(page, "<li>%s</li>", (const char *)skipped->pdata[i]);
    g_string_append(page, "</ul></details>\n");
}
