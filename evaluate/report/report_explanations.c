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
    html_print(page, "<figcaption>%s</figcaption></figure>", caption);
}

static void append_item(Report *report, const Explanation *item)
{
    int side = explanation_side(item->model->model->spec);
    g_autofree guint8 *pixels = g_malloc((gsize)side * (gsize)side * 3);
    g_autofree char *title = explanation_title(item);
    double scale = overlay_scale(item);
    html_print(report->page,
               "<li><div><strong>%s</strong></div><div class=\"path\">%s</div><div class=\"maps\">", title,
               report->comparison->items[item->image]->key);
    if (item->rgb)
        append_image(report->page, item->rgb, side, "", "as the base saw it");
    for (guint m = 0; m < item->n_maps; m++) {
        g_autofree char *caption = explanation_caption(item, m);
        g_autofree char *alt = g_strdup_printf("Map %s", caption);
        overlay_draw(item->rgb, side, item->maps + m, scale, pixels);
        append_image(report->page, pixels, side, alt, caption);
    }
    html_print(report->page, "</div><div class=\"path\">full colour: ±%.3g in one region</div></li>\n",
               scale);
}

static void append_model(Report *report, Evaluation *model)
{
    const GPtrArray *items = report->explanations;
    html_print(report->page, "<p>%s</p>", explanation_meaning(model->model));
    int reason = -1;
    for (guint i = 0; i < items->len; i++) { /* which are by reason */
        const Explanation *item = items->pdata[i];
        if (item->model != model)
            continue;
        if ((int)item->reason != reason) {
            g_string_append(report->page, reason >= 0 ? "</ul>\n" : "");
            html_print(report->page, "<h4>%s</h4>\n<ul class=\"explanations\">\n", headings[item->reason]);
        }
        reason = (int)item->reason;
        append_item(report, item);
    }
    g_string_append(report->page, reason >= 0 ? "</ul>\n" : "");
}

void section_explanations(Report *report)
{
    if (!report->explanations)
        return;
    g_string_append(
        report->page,
        "<p>Which regions of an image speak for a "
        "class (<span class=\"for\">orange</span>) and which against it (<span "
        "class=\"against\">blue</span>): the contribution of each of the 7 × 7 regions of the input image to "
        "the decision value of the class. A feature's receptive field extends beyond its region.</p>\n");
    report_models(report, append_model);
}
