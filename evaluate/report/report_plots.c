/* report_plots: the sections of the report that show plots; see report_sections.h. */
#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/model/history.h"
#include "common/plot/curves.h"
#include "evaluate/report/html.h"
#include "evaluate/report/reliability.h"
#include "evaluate/report/report_answers.h"
#include "evaluate/report/report_sections.h"
#include "evaluate/report/scatter.h"

enum {
    SIDE_BY_SIDE = 20,   /* heatmaps of up to this many classes are set side by side */
    VECTOR_CLASSES = 40, /* with more, a heatmap is smaller as PNG than as SVG */
    VECTOR_MARKS = 400,  /* with more, a scatter is smaller as PNG */
    TABLE_CLASSES = 40,  /* up to this many classes, the matrix is shown as a table too */
    MAX_PAIRS = 12,      /* confused pairs per model */
    MAX_MISTAKES = 24,   /* a model */
};

void report_missing(Report *report, const char *sentence)
{
    g_string_append(report->page, "<p class=\"soft\">");
    html_prose(report->page, sentence);
    g_string_append(report->page, "</p>\n");
}

void report_figure(Report *report, CanvasFigure figure, CanvasFormat format, const char *alt)
{
    GString *page = report->page;
    const char *type = format == CANVAS_SVG ? "image/svg+xml" : "image/png";
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) light = canvas_render(figure, format, &canvas_light, &error);
    g_autoptr(GBytes) dark = light ? canvas_render(figure, format, &canvas_dark, &error) : NULL;
    if (!dark) {
        cli_remark("%s is not drawn: %s", alt, error->message);
        html_print(page, "<p class=\"soft\">%s is not drawn: %s</p>\n", alt, error->message);
        return;
    }
    html_print(page, "<div class=\"figure\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">", alt);
    html_image(page, "on-light", type, light, alt);
    html_image(page, "on-dark", type, dark, alt);
    g_string_append(page, "</div>\n");
}

/* ---- Confusion ---- */

void describe_confused(Row *row, gconstpointer of, guint index)
{
    const Evaluation *model = of;
    const ConfusedPair *pair = &g_array_index(model->confused, ConfusedPair, index);
    row_text(row, "true", "True", model->comparison->names[pair->truth]);
    row_text(row, "predicted", "Taken for", model->comparison->names[pair->predicted]);
    row_count(row, "count", "Images", pair->count);
    row_share(row, "share", "of the class", pair->share);
}

static void describe_matrix(Row *row, gconstpointer of, guint truth)
{
    const Evaluation *model = of;
    guint classes = model->comparison->classes;
    row_text(row, NULL, "true \\ predicted", model->comparison->names[truth]);
    for (guint p = 0; p < classes; p++)
        row_count(row, NULL, model->comparison->names[p], model->matrix[(gsize)truth * classes + p]);
}

static void append_confusion(Report *report, Evaluation *model)
{
    guint classes = report->comparison->classes;
    GString *page = report->page;
    g_autofree char *alt = g_strdup_printf("Confusion matrix of %s", model->name);
    const Confusion one = {
        .of = report->comparison, .models = &model, .n = 1, .cells = (ConfusionCells)report->style->cells};
    html_print(page, "<div class=\"%s\"><div>", classes <= SIDE_BY_SIDE ? "beside" : "below");
    report_figure(report, confusion_figure(&one), classes <= VECTOR_CLASSES ? CANVAS_SVG : CANVAS_PNG, alt);
    g_string_append(page, "</div><div>");
    if (model->confused->len)
        rows_table(page, "fold", "Most confused classes", describe_confused, model,
                   MIN(model->confused->len, MAX_PAIRS));
    if (classes <= TABLE_CLASSES) {
        html_print(page, "<details><summary>Matrix of %s as a table</summary>", model->name);
        rows_table(page, "matrix", "Confusion matrix", describe_matrix, model, classes);
        g_string_append(page, "</details>\n");
    }
    g_string_append(page, "</div></div>\n");
}

void section_confusion(Report *report)
{
    report_models(report, append_confusion);
}

/* ---- Scatter ---- */

void section_scatter(Report *report)
{
    if (!report->comparison->images->cache) {
        report_missing(report,
                       "Not drawn, as the images come from a folder: of a cache that `extract` made of it, "
                       "it would be.");
        return;
    }
    g_autoptr(Scatter) scatter = scatter_new(report->comparison, &report->error);
    if (!scatter)
        return;
    g_autofree char *caption = scatter_caption(scatter);
    html_print(report->page, "<p>%s</p>", caption);
    report_figure(report, scatter_figure(scatter), scatter->n > VECTOR_MARKS ? CANVAS_PNG : CANVAS_SVG,
                  "Scatter of the images by their first two principal components");
}

/* ---- Reliability ---- */

/* One diagram a model that yields probabilities; the others are named. */
void section_reliability(Report *report)
{
    const Comparison *comparison = report->comparison;
    guint drawn = 0;
    GString *page = report->page;
    for (guint m = 0; m < comparison->models; m++)
        drawn += comparison->evaluations[m]->probabilities != NULL;
    if (drawn < comparison->models)
        report_missing(report,
                       drawn ? "Not drawn of models that give decision values; trained with `--folds 5`, "
                               "they would give probabilities."
                             : "Not drawn, as no model gives probabilities: `train --folds 5` calibrates a "
                               "linear head.");
    if (!drawn)
        return;
    g_string_append(page,
                    "<p>How often a model is right, by how confident it is. On the dashed line, confidence "
                    "equals accuracy; below it, the model is overconfident. The numbers count the images of "
                    "each bar.</p>\n<div class=\"panels\">\n");
    for (guint m = 0; m < comparison->models; m++) {
        Evaluation *evaluation = comparison->evaluations[m];
        g_autofree char *alt = g_strdup_printf("Reliability of %s: accuracy by confidence", evaluation->name);
        const CanvasFigure figure = reliability_figure(&evaluation, 1);
        if (!figure.refusal)
            report_figure(report, figure, CANVAS_SVG, alt);
    }
    g_string_append(page, "</div>\n");
}

/* ---- Training ---- */

static void append_training(Report *report, Evaluation *model)
{
    const json_t *training = model->model->training;
    g_auto(History) history = {0};
    const Curves curves = {&history, NULL};
    g_autofree char *alt = g_strdup_printf("Loss and accuracy of %s by epoch", model->name);
    if (!history_from_json(json_object_get(training, "history"), &history)) {
        report_missing(report, "It was fitted in one piece, so there are no epochs to draw.");
        return;
    }
    history.best = (int)json_integer_value(json_object_get(training, "best_epoch"));
    report_figure(report, curves_figure(&curves), CANVAS_SVG, alt);
}

void section_training(Report *report)
{
    report_models(report, append_training);
}

/* ---- Mistakes ---- */

void report_thumbnails(Report *report)
{
    if (!report->comparison->images->folder)
        report_missing(report, "Without thumbnails: `--images DIR` names the folder of the images.");
}

static void append_mistakes(Report *report, Evaluation *model)
{
    guint n = report->comparison->n, wrong = model->mistakes->len;
    html_print(report->page, "<p>%u of %u %s wrong</p>\n<ul class=\"gallery\">\n", wrong, n,
               plural(n, "image", "images"));
    for (guint i = 0; i < MIN(wrong, MAX_MISTAKES); i++) {
        const ReviewItem item = review_mistake(model, i);
        g_autoptr(GBytes) jpeg = report_thumbnail(report, item.ranked.image, FIT_CROP);
        report_card(report, model, &item, jpeg, FALSE);
    }
    g_string_append(report->page, "</ul>\n");
}

void section_mistakes(Report *report)
{
    report_thumbnails(report);
    report_models(report, append_mistakes);
}
