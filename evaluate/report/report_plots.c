/* report_plots: the sections of the report that show plots; see report_sections.h. */
#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/model/history.h"
#include "common/plot/curves.h"
#include "evaluate/report/html.h"
#include "evaluate/report/plots.h"
#include "evaluate/report/report_sections.h"
#include "evaluate/report/scatter.h"
#include "evaluate/report/thumbnail.h"

#include <string.h>

enum {
    SIDE_BY_SIDE = 20,   /* heatmaps of up to this many classes are set side by side */
    VECTOR_CLASSES = 40, /* with more, a heatmap is smaller as PNG than as SVG */
    VECTOR_MARKS = 400,  /* with more, a scatter is smaller as PNG */
    TABLE_CLASSES = 40,  /* up to this many classes, the matrix is shown as a table too */
    MAX_PAIRS = 12,      /* confused pairs per model */
    MAX_MISTAKES = 24,   /* a model */
};

void report_missing(const Report *report, const char *sentence)
{
    g_string_append(report->page, "<p class=\"soft\">");
    html_prose(report->page, sentence);
    g_string_append(report->page, "</p>\n");
}

void report_figure(const Report *report, const CanvasFigure *figure, const char *ending, const char *alt)
{
    GString *page = report->page;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) light = canvas_render(figure, ending, &canvas_light, &error);
    g_autoptr(GBytes) dark = light ? canvas_render(figure, ending, &canvas_dark, &error) : NULL;
    if (!dark) {
        g_autofree char *sentence = g_strdup_printf("%s is not drawn: %s", alt, error->message);
        cli_remark("%s", sentence);
        report_missing(report, sentence);
        return;
    }
    g_string_append(page, "<div class=\"figure\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(page, alt);
    g_string_append(page, "\">");
    html_figure(page, strcmp(ending, "svg") == 0 ? "image/svg+xml" : "image/png", light, dark, alt);
    g_string_append(page, "</div>\n");
}

/* ---- Confusion ---- */

static void append_matrix(GString *page, const Comparison *comparison, const Evaluation *evaluation)
{
    const char *const *names = test_images_class_names(comparison->images);
    guint classes = comparison_classes(comparison);
    g_string_append(page, "<details><summary>Matrix of ");
    html_text(page, evaluation->name);
    g_string_append(page, " as a table</summary>");
    html_open_table(page, " class=\"matrix\"", "Confusion matrix");
    g_string_append(page, "<caption>true classes on rows, predicted on columns</caption>\n"
                          "<thead><tr><td></td>");
    for (guint p = 0; p < classes; p++) {
        g_string_append(page, "<th scope=\"col\">");
        html_text(page, names[p]);
        g_string_append(page, "</th>");
    }
    g_string_append(page, "</tr></thead>\n<tbody>\n");
    for (guint t = 0; t < classes; t++) {
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, names[t]);
        g_string_append(page, "</th>");
        for (guint p = 0; p < classes; p++)
            g_string_append_printf(page, "<td>%u</td>", evaluation->matrix[(gsize)t * classes + p]);
        g_string_append(page, "</tr>\n");
    }
    html_close_table(page);
    g_string_append(page, "</details>\n");
}

static void append_pairs(GString *page, const Comparison *comparison, const Evaluation *evaluation)
{
    const char *const *names = test_images_class_names(comparison->images);
    g_autoptr(GArray) pairs = metrics_confused_pairs(evaluation->matrix, comparison_classes(comparison));
    if (pairs->len == 0)
        return;
    html_open_table(page, " class=\"fold\"", "Most confused classes");
    g_string_append(page, "<thead><tr><th scope=\"col\" class=\"text\">True</th>"
                          "<th scope=\"col\" class=\"text\">Taken for</th><th scope=\"col\">Images</th>"
                          "<th scope=\"col\">of the class</th></tr></thead>\n<tbody>\n");
    for (guint i = 0; i < MIN(pairs->len, MAX_PAIRS); i++) {
        const ConfusedPair *pair = &g_array_index(pairs, ConfusedPair, i);
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, names[pair->truth]);
        g_string_append(page, "</th>");
        html_cell(page, "Taken for", " class=\"text\"");
        html_text(page, names[pair->predicted]);
        g_string_append(page, "</td>");
        html_cell(page, "Images", "");
        g_string_append_printf(page, "%u</td>", pair->count);
        html_cell(page, "of the class", "");
        html_share(page, pair->share);
        g_string_append(page, "</td></tr>\n");
    }
    html_close_table(page);
}

void section_confusion(const Report *report)
{
    const Comparison *comparison = report->comparison;
    guint classes = comparison_classes(comparison), n = comparison->evaluations->len;
    const char *ending = classes <= VECTOR_CLASSES ? "svg" : "png";
    g_autoptr(Plots) plots = plots_new(comparison, NULL, report->options->cells);
    plots->confusion.title = NULL; /* the section has one */
    section_open(report, "confusion");
    for (guint j = 0; j < n; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        Confusion one = plots->confusion;
        one.panels += j;
        one.n_panels = 1;
        g_autofree char *alt = g_strdup_printf("Confusion matrix of %s", evaluation->name);
        html_open_model(report->page, evaluation->name, report_several(report), report_opens(report, j));
        g_string_append_printf(report->page, "<div class=\"%s\"><div>",
                               classes <= SIDE_BY_SIDE ? "beside" : "below");
        const CanvasFigure figure = confusion_figure(&one);
        report_figure(report, &figure, ending, alt);
        g_string_append(report->page, "</div><div>");
        append_pairs(report->page, comparison, evaluation);
        if (classes <= TABLE_CLASSES)
            append_matrix(report->page, comparison, evaluation);
        g_string_append(report->page, "</div></div>\n");
        html_close_model(report->page, report_several(report));
    }
    g_string_append(report->page, "</section>\n");
}

/* ---- Scatter ---- */

gboolean section_scatter(const Report *report, GError **error)
{
    section_open(report, "scatter");
    if (!report->comparison->images->is_cache) {
        report_missing(report,
                       "Not drawn, as the images come from a folder: of a cache that `extract` made of it, "
                       "it would be.");
        return TRUE;
    }
    g_autoptr(Scatter) scatter = scatter_new(report->comparison, report->options->threads, error);
    if (!scatter)
        return FALSE;
    g_autofree char *caption = scatter_caption(scatter);
    html_element(report->page, "p", caption);
    const CanvasFigure figure = scatter_figure(scatter);
    report_figure(report, &figure, scatter->n > VECTOR_MARKS ? "png" : "svg",
                  "Scatter of the images by their first two principal components");
    g_string_append(report->page, "</section>\n");
    return TRUE;
}

/* ---- Reliability ---- */

/* One diagram a model that yields probabilities; the others are named. */
void section_reliability(const Report *report)
{
    g_autoptr(Plots) plots = plots_new(report->comparison, NULL, report->options->cells);
    GString *page = report->page;
    section_open(report, "reliability");
    if (plots->n_reliability < report->comparison->evaluations->len)
        report_missing(report,
                       plots->n_reliability
                           ? "Not drawn of models that give decision values; trained with `--folds 5`, "
                             "they would give probabilities."
                           : "Not drawn, as no model gives probabilities: `train --folds 5` calibrates a "
                             "linear head.");
    if (plots->n_reliability)
        g_string_append(
            page, "<p>How often a model is right, by how confident it is. On the dashed line, confidence "
                  "equals accuracy; below it, the model is overconfident. The numbers count the images of "
                  "each bar.</p>\n<div class=\"panels\">\n");
    for (guint p = 0; p < plots->n_reliability; p++) {
        g_autofree char *alt =
            g_strdup_printf("Reliability of %s: accuracy by confidence", plots->reliability[p].title);
        const CanvasFigure figure = reliability_figure(&plots->reliability[p], 1);
        report_figure(report, &figure, "svg", alt);
    }
    g_string_append(page, plots->n_reliability ? "</div></section>\n" : "</section>\n");
}

/* ---- Training ---- */

void section_training(const Report *report)
{
    GString *page = report->page;
    section_open(report, "training");
    for (guint j = 0; j < report->comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(report->comparison, j);
        const json_t *training = evaluation->model->training;
        g_auto(History) history = {0};
        gboolean epochs = history_from_json(json_object_get(training, "history"), &history);
        g_autofree char *alt = g_strdup_printf("Loss and accuracy of %s by epoch", evaluation->name);
        history.best = (int)json_integer_value(json_object_get(training, "best_epoch"));
        html_open_model(page, evaluation->name, report_several(report), report_opens(report, j));
        const Curves curves = {&history, NULL};
        const CanvasFigure figure = curves_figure(&curves);
        if (epochs)
            report_figure(report, &figure, "svg", alt);
        else
            report_missing(report, "It was fitted in one piece, so there are no epochs to draw.");
        html_close_model(page, report_several(report));
    }
    g_string_append(page, "</section>\n");
}

/* ---- Mistakes ---- */

const char *report_thumbnails(const Report *report)
{
    const TestImages *images = report->comparison->images;
    if (!report->options->images && images->is_cache)
        report_missing(report, "Without thumbnails: `--images DIR` names the folder of the images.");
    return report->options->images ? report->options->images : images->is_cache ? NULL : images->source;
}

/* A card: thumbnail, what the label says, what the model says, how sure it is. */
static void append_mistake(const Report *report, const Evaluation *evaluation, const Mistake *mistake,
                           const char *folder)
{
    GString *page = report->page;
    const TestImages *images = report->comparison->images;
    const char *const *names = test_images_class_names(images);
    const char *path = images->paths->pdata[mistake->index];
    g_autoptr(GBytes) jpeg = folder ? thumbnail_new(folder, path, FIT_CROP) : NULL;
    g_string_append(page, "<li>");
    if (folder)
        thumbnail_append(page, jpeg);
    g_string_append(page, "<dl>");
    html_element(page, "dt", "Label");
    html_element(page, "dd", names[test_images_labels(images)[mistake->index]]);
    html_element(page, "dt", "Suggested");
    html_element(page, "dd", names[evaluation->predicted[mistake->index]]);
    html_element(page, "dt", evaluation->probabilities ? "Sure" : "Margin");
    g_string_append(page, "<dd>");
    if (evaluation->probabilities)
        html_share(page, mistake->score);
    else
        g_string_append_printf(page, "%.3f", mistake->score);
    g_string_append(page, "</dd></dl><div class=\"path\">");
    html_element(page, "code", path);
    g_string_append(page, "</div></li>\n");
}

void section_mistakes(const Report *report)
{
    const Comparison *comparison = report->comparison;
    GString *page = report->page;
    section_open(report, "mistakes");
    const char *folder = report_thumbnails(report);
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        g_autoptr(GArray) mistakes = evaluation_mistakes(comparison, evaluation);
        guint shown = MIN(mistakes->len, MAX_MISTAKES);
        html_open_model(page, evaluation->name, report_several(report), report_opens(report, j));
        g_string_append_printf(page, "<p>%u of %u %s wrong</p>\n<ul class=\"gallery\">\n", mistakes->len,
                               comparison_count(comparison),
                               plural(comparison_count(comparison), "image", "images"));
        for (guint i = 0; i < shown; i++)
            append_mistake(report, evaluation, &g_array_index(mistakes, Mistake, i), folder);
        g_string_append(page, "</ul>\n");
        html_close_model(page, report_several(report));
    }
    g_string_append(page, "</section>\n");
}
