/* report_review: the page on which labels are decided; see report_sections.h. */
#include "common/core/sha256.h"
#include "common/core/thread_pool.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_assets.h"
#include "evaluate/report/report_sections.h"
#include "evaluate/report/review.h"
#include "evaluate/report/thumbnail.h"

#include <string.h>

static const char *const reasons[REVIEW_REASONS] = {"suspect", "mistake", "unsure", "duplicate", "unknown"};

static const char tools[] =
    "<p class=\"soft\">Decide on each image: <kbd>K</kbd> its label is right, <kbd>R</kbd> it is of the "
    "suggested class, "
    "<kbd>C</kbd> of another one (type it, then Enter), <kbd>X</kbd> it belongs into no training; "
    "<kbd>U</kbd> takes the "
    "last decision back; <kbd>\xe2\x86\x90</kbd> <kbd>\xe2\x86\x92</kbd> move. Decisions stay in this "
    "browser; what is saved, "
    "<code>extract --apply decisions.csv CACHE</code> takes.</p>\n"
    "<div id=\"tools\" hidden><div class=\"done\"><progress aria-label=\"Images decided on\"></progress>"
    "<span id=\"count\"></span><button type=\"button\" id=\"undo\">Undo</button>"
    "<a id=\"save\" href=\"#save\" download=\"decisions.csv\">Save decisions.csv</a></div>\n<div "
    "class=\"filters\">"
    "<label>Why <select id=\"reason\"><option value=\"\">any</option></select></label>"
    "<label>Label <select id=\"label\"><option value=\"\">any</option></select></label>"
    "<label>State <select id=\"state\"><option "
    "value=\"\">any</option><option>open</option><option>decided</option>"
    "</select></label><span id=\"shown\"></span></div>\n<p role=\"status\" id=\"said\"></p></div>\n";

typedef struct {
    const Report *report;
    const char *folder;
    GBytes **jpegs;
} Thumbnails;

static const ReviewItem *item_at(const Report *report, guint i)
{
    return &g_array_index(report->options->review, ReviewItem, i);
}

static const char *path_of(const Report *report, guint image)
{
    return report->comparison->images->paths->pdata[image];
}

static void draw(guint task, guint worker, gpointer data)
{
    Thumbnails *thumbnails = data;
    const ReviewItem *item = item_at(thumbnails->report, task);
    thumbnails->jpegs[task] =
        thumbnail_new(thumbnails->folder, path_of(thumbnails->report, item->image), FIT_PAD);
}

/* Edits are kept under what is decided on: the paths, in their order. */
static void append_id(const Report *report)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (guint i = 0; i < report->options->review->len; i++) {
        const char *path = path_of(report, item_at(report, i)->image);
        g_checksum_update(sum, (const guchar *)path, (gssize)strlen(path) + 1);
    }
    g_string_append_printf(report->page, " data-id=\"%.16s\"", g_checksum_get_string(sum));
}

static void append_attribute(GString *page, const char *name, const char *value)
{
    g_string_append_printf(page, " data-%s=\"", name);
    html_text(page, value);
    g_string_append_c(page, '"');
}

/* How sure it is that something is wrong. */
static void append_score(const Report *report, const ReviewItem *item)
{
    GString *page = report->page;
    gboolean probabilities =
        comparison_model(report->comparison, report->verdict->best)->probabilities != NULL;
    if (item->reason == REVIEW_UNSURE || item->reason == REVIEW_UNKNOWN)
        return;
    if (item->reason == REVIEW_DUPLICATE) {
        html_element(page, "dt", item->score < 1 ? "Nearly" : "Same as");
        html_element(page, "dd", path_of(report, item->twin));
        return;
    }
    html_element(page, "dt",
                 item->reason == REVIEW_SUSPECT ? "Label wrong"
                 : probabilities                ? "Sure"
                                                : "Margin");
    g_string_append(page, "<dd>");
    if (item->reason == REVIEW_SUSPECT || probabilities)
        html_share(page, item->score);
    else
        g_string_append_printf(page, "%.3f", item->score);
    g_string_append(page, "</dd>");
}

/* jpeg: with a folder. */
static void append_card(const Report *report, const ReviewItem *item, const char *folder, GBytes *jpeg)
{
    GString *page = report->page;
    const TestImages *images = report->comparison->images;
    const char *path = path_of(report, item->image);
    const char *label = test_images_class_names(images)[test_images_labels(images)[item->image]];
    g_string_append(page, "<li");
    append_attribute(page, "path", path);
    append_attribute(page, "label", label);
    append_attribute(page, "reason", reasons[item->reason]);
    append_attribute(page, "suggested", item->suggested ? item->suggested : "");
    g_string_append_c(page, '>');
    if (folder)
        thumbnail_append(page, jpeg);
    g_string_append_printf(page, "<div class=\"reason\">%s</div><dl>", reasons[item->reason]);
    html_element(page, "dt", "Label");
    html_element(page, "dd", label);
    if (item->suggested) {
        html_element(page, "dt", item->reason == REVIEW_UNSURE ? "Or" : "Suggested");
        html_element(page, "dd", item->suggested);
    }
    append_score(report, item);
    g_string_append(page, "</dl><div class=\"path\">");
    html_element(page, "code", path);
    g_string_append(page, "</div></li>\n");
}

static void append_cards(const Report *report, const char *folder)
{
    guint n = report->options->review->len;
    g_autofree GBytes **jpegs = g_new0(GBytes *, n + 1);
    Thumbnails thumbnails = {report, folder, jpegs};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(report->options->threads);
    if (folder)
        thread_pool_run(thread_pool, n, draw, &thumbnails);
    g_string_append(report->page, "<ul class=\"gallery\">\n");
    for (guint i = 0; i < n; i++) {
        append_card(report, item_at(report, i), folder, jpegs[i]);
        g_clear_pointer(&jpegs[i], g_bytes_unref);
    }
    g_string_append(report->page, "</ul>\n");
}

void section_review(const Report *report)
{
    GString *page = report->page;
    const char *const *names = test_images_class_names(report->comparison->images);
    section_open(report, "review");
    const char *folder = report_thumbnails(report);
    g_string_append(page, "<div id=\"cards\"");
    append_id(report);
    g_string_append_printf(page, ">\n%s<datalist id=\"names\">", tools);
    for (guint c = 0; c < comparison_classes(report->comparison); c++) {
        g_string_append(page, "<option value=\"");
        html_text(page, names[c]);
        g_string_append(page, "\">");
    }
    g_string_append(page, "</datalist>\n");
    append_cards(report, folder);
    g_string_append_printf(page, "</div></section>\n<script>\n%s</script>\n", review_js);
}
