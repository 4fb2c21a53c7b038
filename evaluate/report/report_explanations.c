/* report_explanations: the section of the report that shows explanations; see report_sections.h. */
#include "common/image/image.h"
#include "evaluate/explanation/explanation_files.h"
#include "evaluate/explanation/overlay.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"

enum { QUALITY = 80 /* JPEG */ };

static const char *const headings[EXPLAIN_REASONS] = {
    [EXPLAIN_WRONG] = "Wrong, the most confident first",
    [EXPLAIN_UNSURE] = "Two classes nearly tied, the least certain first",
    [EXPLAIN_SAMPLE] = "A sample of the others",
};

static void append_image(GString *page, const guint8 *rgb, int side, const char *alt, const char *caption)
{
    g_autoptr(GBytes) jpeg = image_jpeg(rgb, side, QUALITY);
    g_string_append(page, "<figure>");
    if (jpeg)
        html_image(page, NULL, "image/jpeg", jpeg, alt);
    html_add(page, "<figcaption>", caption, "</figcaption></figure>", NULL);
}

static void append_item(Report *report, const Explanation *item)
{
    const Explanations *explanations = report->options->explanations;
    int side = report->comparison->evaluations[item->model]->model->spec->side;
    g_autofree guint8 *pixels = g_malloc((gsize)side * (gsize)side * 3);
    g_autofree char *title = explanation_title(explanations, item);
    double scale = overlay_scale(item);
    html_add(report->page, "<li><div><strong>", title, "</strong></div><div class=\"path\">",
             report->comparison->items[item->image]->key, "</div><div class=\"maps\">", NULL);
    if (item->rgb)
        append_image(report->page, item->rgb, side, "", "as the base saw it");
    for (guint m = 0; m < item->n_maps; m++) {
        g_autofree char *caption = explanation_caption(explanations, item->maps + m);
        g_autofree char *alt = g_strdup_printf("Map %s", caption);
        overlay_draw(item->rgb, side, item->maps + m, scale, pixels);
        append_image(report->page, pixels, side, alt, caption);
    }
    g_string_append_printf(report->page,
                           "</div><div class=\"path\">full colour: ±%.3g in one region</div></li>\n", scale);
}

static void append_model(Report *report, Evaluation *model)
{
    const GPtrArray *items = report->options->explanations->items;
    html_add(report->page, "<p>", explanation_meaning(model->model), "</p>", NULL);
    int reason = -1;
    for (guint i = 0; i < items->len; i++) { /* which are by reason */
        const Explanation *item = items->pdata[i];
        if (report->comparison->evaluations[item->model] != model)
            continue;
        if ((int)item->reason != reason)
            g_string_append_printf(report->page, "%s<h4>%s</h4>\n<ul class=\"explanations\">\n",
                                   reason >= 0 ? "</ul>\n" : "", headings[item->reason]);
        reason = (int)item->reason;
        append_item(report, item);
    }
    g_string_append(report->page, reason >= 0 ? "</ul>\n" : "");
}

void section_explanations(Report *report)
{
    if (!report->options->explanations)
        return;
    g_string_append(
        report->page,
        "<p>Which regions of an image speak for a "
        "class (<span class=\"for\">orange</span>) and which against it (<span "
        "class=\"against\">blue</span>): the contribution of each of the 7 × 7 regions of the input image to "
        "the decision value of the class. A feature's receptive field extends beyond its region.</p>\n");
    report_models(report, append_model);
}
