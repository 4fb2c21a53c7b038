/* report_html: see report_html.h. */
#include "evaluate/report/report_html.h"

#include "common/core/error.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_assets.h"
#include "evaluate/report/report_sections.h"

#include <errno.h>
#include <string.h>

/* The sections in their order: anchor, link at the top, heading. Their own pages have some of them alone. */
static const struct {
    const char *id, *link, *heading;
    void (*append)(Report *report);
} contents[] = {
    {"verdict", "In short", "In short", section_verdict},
    {"leakage", "Trained on", "Images that were trained on", section_leakage},
    {"figures", "Metrics", "How often each model is right", section_metrics},
    {"confusion", "Confusion", "What is taken for what", section_confusion},
    {"scatter", "Scatter", "The images by their features", section_scatter},
    {"reliability", "Reliability", "Whether confidence can be trusted", section_reliability},
    {"coverage", "Coverage", "From which probability on to trust it", section_coverage},
    {"unknown", "Unknown", "Whether images of something else are told", section_unknown},
    {"training", "Training", "How training went", section_training},
    {"classes", "Classes", "Class by class", section_classes},
    {"slices", "Slices", "Which images it is more or less often right on", section_slices},
    {"mistakes", "Mistakes", "Mistakes, the most confident first", section_mistakes},
    {"explanations", "Explanations", "What speaks for a class and against it", section_explanations},
    {"review", "Review", "What to look at", section_review},
    {"settings", "Settings", "How it was made", section_settings},
};

/* Cuts what was opened at `start` if nothing follows its opening, which ended at `open`. */
static gboolean is_empty(GString *page, gsize start, gsize open)
{
    if (page->len > open)
        return FALSE;
    g_string_truncate(page, start);
    return TRUE;
}

void report_models(Report *report, void (*append)(Report *report, Evaluation *model))
{
    GString *page = report->page;
    guint n = report->comparison->models;
    for (guint m = 0; m < n; m++) {
        Evaluation *model = report->comparison->evaluations[m];
        gsize start = page->len;
        if (n > 1)
            html_print(page, "<details class=\"model\"%s><summary>",
                       n <= 2 || model == report->comparison->verdict.best ? " open" : "");
        html_print(page, n > 1 ? "<h3>%s</h3></summary>\n" : "<h3>%s</h3>", model->name);
        gsize open = page->len;
        append(report, model);
        if (!is_empty(page, start, open) && n > 1)
            g_string_append(page, "</details>\n");
    }
}

static void append_head(GString *page, const char *title)
{
    g_string_append(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                          "<link rel=\"icon\" href=\"data:,\">\n");
    html_print(page, "<title>%s</title>\n", title);
    g_string_append_printf(page, "<style>\n%s</style>\n</head>\n", report_css);
}

/* Links to the sections that the page has. */
static void append_contents(GString *page, const char *sections)
{
    g_string_append(page, "<nav aria-label=\"Sections\"><div class=\"inner\">\n");
    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autofree char *section = g_strdup_printf("<section id=\"%s\"", contents[i].id);
        if (strstr(sections, section))
            html_print(page, "<a href=\"#%s\">%s</a>\n", contents[i].id, contents[i].link);
    }
    g_string_append(page, "<button type=\"button\" id=\"theme\" hidden>Dark</button>\n</div></nav>\n");
}

static void append_masthead(GString *page, const Comparison *comparison, const char *title)
{
    const TestImages *images = comparison->images;
    html_print(page,
               "<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
               "<header class=\"masthead\">\n<h1>%s</h1>\n<p class=\"soft\">%u %s of %u %s from the %s "
               "<code>%s</code>",
               title, comparison->n, plural(comparison->n, "image", "images"), comparison->classes,
               plural(comparison->classes, "class", "classes"), images->cache ? "cache" : "folder",
               images->list->root);
    if (images->skipped->len)
        html_print(page, "; %u more could not be read", images->skipped->len);
    g_string_append(page, "</p>\n</header>\n");
}

/* The page around its sections. */
static gboolean write_page(const Report *report, const char *title, const char *folder, GError **error)
{
    const char *sections = report->page->str;
    g_autoptr(GString) page = g_string_new(NULL);
    append_head(page, title);
    append_masthead(page, report->comparison, title);
    append_contents(page, sections);
    g_string_append(page, "<main id=\"main\">\n");
    g_string_append(page, sections); /* megabytes: not by printf, fatal.h */
    html_print(page, "</main>\n<footer class=\"masthead soft\"><p>vggcache %s</p></footer>\n",
               VGGCACHE_VERSION);
    g_string_append_printf(page, "<script>\n%s</script>\n</body>\n</html>\n", report_js);
    if (g_mkdir_with_parents(folder, 0777) != 0)
        return error_set(error, "%s: cannot create the report's folder: %s", folder, g_strerror(errno));
    g_autofree char *path = g_build_filename(folder, "index.html", NULL);
    return output_file_write(path, page->str, page->len, error);
}

gboolean report_write(Report *report, ReportKind kind, const char *folder, GError **error)
{
    static const char *const kinds[] = {"Evaluation", "Explanations", "Review"};
    void (*const alone)(Report * report) = kind == REPORT_EXPLANATIONS ? section_explanations
                                           : kind == REPORT_REVIEW     ? section_review
                                                                       : NULL;
    g_autoptr(GString) page = g_string_new(NULL);
    g_autofree char *name = g_path_get_basename(report->comparison->images->list->root);
    g_autofree char *title = report->style->title ? g_strdup(report->style->title)
                                                  : g_strdup_printf("%s on %s", kinds[kind], name);
    report->page = page;
    for (guint i = 0; i < G_N_ELEMENTS(contents) && !report->error; i++) {
        gsize start = page->len;
        if (alone ? contents[i].append != alone : contents[i].append == section_review)
            continue;
        html_print(page, "<section id=\"%s\">\n<h2>%s</h2>\n", contents[i].id, contents[i].heading);
        gsize open = page->len;
        contents[i].append(report);
        if (!is_empty(page, start, open))
            g_string_append(page, "</section>\n");
    }
    if (!report->error)
        return write_page(report, title, folder, error);
    g_propagate_error(error, report->error);
    return FALSE;
}
