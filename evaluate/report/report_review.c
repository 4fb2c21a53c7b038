/* report_review: the page on which labels are decided; see report_sections.h. */
#include "common/core/sha256.h"
#include "common/core/thread_pool.h"
#include "common/image/image_file.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_assets.h"
#include "evaluate/report/report_sections.h"
#include "evaluate/report/review.h"

#include <string.h>

enum { SIDE = 176 /* pixels of a thumbnail */, QUALITY = 80 /* JPEG */ };

static const char *const reasons[REVIEW_REASONS] = {"suspect", "mistake", "unsure", "duplicate", "unknown"};

static const ReviewItem *item_at(const Report *report, guint i)
{
    return &g_array_index(report->options->review, ReviewItem, i);
}

/* Edits are kept under what is decided on: the paths, in their order. */
static void append_id(Report *report)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (guint i = 0; i < report->options->review->len; i++) {
        const char *path = report->comparison->items[item_at(report, i)->ranked.image]->key;
        g_checksum_update(sum, (const guchar *)path, (gssize)strlen(path) + 1);
    }
    g_string_append_printf(report->page, " data-id=\"%.16s\"", g_checksum_get_string(sum));
}

/* How sure it is that something is wrong. */
static void append_score(Report *report, const ReviewItem *item, gboolean probabilities)
{
    GString *page = report->page;
    gboolean suspect = item->reason == REVIEW_SUSPECT;
    if (item->reason == REVIEW_UNSURE || item->reason == REVIEW_UNKNOWN)
        return;
    if (item->reason == REVIEW_DUPLICATE) {
        html_add(page, item->ranked.score < 1 ? "<dt>Nearly</dt><dd>" : "<dt>Same as</dt><dd>",
                 report->comparison->items[item->twin]->key, "</dd>", NULL);
        return;
    }
    g_autofree char *score = suspect || probabilities ? html_share(item->ranked.score)
                                                      : g_strdup_printf("%.3f", item->ranked.score);
    g_string_append_printf(page, "<dt>%s</dt><dd>%s</dd>",
                           suspect         ? "Label wrong"
                           : probabilities ? "Sure"
                                           : "Margin",
                           score);
}

GBytes *report_thumbnail(const Report *report, guint image, Fit fit)
{
    if (!report->folder)
        return NULL;
    const char *file = report->comparison->items[image]->path;
    g_autofree guint8 *rgb = g_malloc(3 * SIDE * SIDE);
    const Decoding upright = {PRESET_VIPS, fit, TRUE, SIDE};
    return image_file_decode(file, &upright, rgb, NULL, NULL) ? image_jpeg(rgb, SIDE, QUALITY) : NULL;
}

void report_card(Report *report, const Evaluation *evaluation, const ReviewItem *item, GBytes *jpeg,
                 gboolean decides)
{
    GString *page = report->page;
    const Comparison *comparison = report->comparison;
    const char *path = comparison->items[item->ranked.image]->key;
    const char *label = comparison->names[comparison->labels[item->ranked.image]];
    g_string_append(page, "<li");
    if (decides)
        html_add(page, " data-path=\"", path, "\" data-label=\"", label, "\" data-reason=\"",
                 reasons[item->reason], "\" data-suggested=\"", item->suggested ? item->suggested : "", "\"",
                 NULL);
    g_string_append_c(page, '>');
    if (report->folder && jpeg)
        html_image(page, NULL, "image/jpeg", jpeg, "");
    else if (report->folder)
        g_string_append(page, "<div class=\"unread\">cannot be read</div>");
    if (decides)
        g_string_append_printf(page, "<div class=\"reason\">%s</div>", reasons[item->reason]);
    html_add(page, "<dl><dt>Label</dt><dd>", label, "</dd>", NULL);
    if (item->suggested)
        html_add(page, item->reason == REVIEW_UNSURE ? "<dt>Or</dt><dd>" : "<dt>Suggested</dt><dd>",
                 item->suggested, "</dd>", NULL);
    append_score(report, item, evaluation->probabilities != NULL);
    html_add(page, "</dl><div class=\"path\"><code>", path, "</code></div></li>\n", NULL);
}

typedef struct {
    const Report *report;
    GBytes **jpegs;
} Thumbnails;

static void draw(guint task, guint worker, gpointer data)
{
    const Thumbnails *thumbnails = data;
    guint image = item_at(thumbnails->report, task)->ranked.image;
    thumbnails->jpegs[task] = report_thumbnail(thumbnails->report, image, FIT_PAD);
}

static void append_cards(Report *report)
{
    guint n = report->options->review->len;
    g_autofree GBytes **jpegs = g_new0(GBytes *, n + 1);
    Thumbnails thumbnails = {report, jpegs};
    if (report->folder)
        thread_pool_run(report->comparison->thread_pool, n, draw, &thumbnails);
    g_string_append(report->page, "<ul class=\"gallery\">\n");
    for (guint i = 0; i < n; i++) {
        report_card(report, report->comparison->verdict.best, item_at(report, i), jpegs[i], TRUE);
        g_clear_pointer(&jpegs[i], g_bytes_unref);
    }
    g_string_append(report->page, "</ul>\n");
}

void section_review(Report *report)
{
    GString *page = report->page;
    report_thumbnails(report);
    g_string_append(page, "<div id=\"cards\"");
    append_id(report);
    g_string_append_printf(page, ">\n%s<datalist id=\"names\">", review_html);
    for (guint c = 0; c < report->comparison->classes; c++)
        html_add(page, "<option value=\"", report->comparison->names[c], "\">", NULL);
    g_string_append(page, "</datalist>\n");
    append_cards(report);
    g_string_append_printf(page, "</div>\n<script>\n%s</script>\n", review_js);
}
