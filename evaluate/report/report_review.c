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
    return &g_array_index(report->review, ReviewItem, i);
}

/* Edits are kept under what is decided on: the paths, in their order. */
static void append_id(Report *report)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (guint i = 0; i < report->review->len; i++) {
        const char *path = report->comparison->items[item_at(report, i)->ranked.image]->key;
        g_checksum_update(sum, (const guchar *)path, (gssize)strlen(path) + 1);
    }
    g_autofree char *id = g_strndup(g_checksum_get_string(sum), 16);
    html_print(report->page, " data-id=\"%s\"", id);
}

/* How sure it is that something is wrong. */
static void append_score(Report *report, const ReviewItem *item, gboolean probabilities)
{
    GString *page = report->page;
    gboolean suspect = item->reason == REVIEW_SUSPECT;
    if (item->reason == REVIEW_UNSURE || item->reason == REVIEW_UNKNOWN)
        return;
    double score = item->ranked.score;
    if (item->reason == REVIEW_DUPLICATE)
        html_print(page, "<dt>%s</dt><dd>%s</dd>", score < 1 ? "Nearly" : "Same as",
                   report->comparison->items[item->twin]->key);
    else if (suspect || probabilities)
        html_print(page, "<dt>%s</dt><dd>%.1f&nbsp;%%</dd>", suspect ? "Label wrong" : "Sure", 100 * score);
    else
        html_print(page, "<dt>Margin</dt><dd>%.3f</dd>", score);
}

GBytes *report_thumbnail(const Report *report, guint image, Fit fit)
{
    if (!report->comparison->images->folder)
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
    const char *label = comparison_label(comparison, item->ranked.image);
    g_string_append(page, "<li");
    if (decides)
        html_print(page, " data-path=\"%s\" data-label=\"%s\" data-reason=\"%s\" data-suggested=\"%s\"", path,
                   label, reasons[item->reason], item->suggested ? item->suggested : "");
    g_string_append_c(page, '>');
    if (report->comparison->images->folder && jpeg)
        html_image(page, NULL, "image/jpeg", jpeg, "");
    else if (report->comparison->images->folder)
        g_string_append(page, "<div class=\"unread\">cannot be read</div>");
    if (decides)
        html_print(page, "<div class=\"reason\">%s</div>", reasons[item->reason]);
    html_print(page, "<dl><dt>Label</dt><dd>%s</dd>", label);
    if (item->suggested)
        html_print(page, "<dt>%s</dt><dd>%s</dd>", item->reason == REVIEW_UNSURE ? "Or" : "Suggested",
                   item->suggested);
    append_score(report, item, evaluation->probabilities != NULL);
    html_print(page, "</dl><div class=\"path\"><code>%s</code></div></li>\n", path);
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
    guint n = report->review->len;
    g_autofree GBytes **jpegs = g_new0(GBytes *, n + 1);
    Thumbnails thumbnails = {report, jpegs};
    if (report->comparison->images->folder)
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
        html_print(page, "<option value=\"%s\">", report->comparison->names[c]);
    g_string_append(page, "</datalist>\n");
    append_cards(report);
    g_string_append_printf(page, "</div>\n<script>\n%s</script>\n", review_js);
}
