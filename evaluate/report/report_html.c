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

/* The sections in their order: anchor, link at the top, heading. */
static const struct {
    const char *id, *link, *heading;
} contents[] = {{"verdict", "In short", "In short"},
                {"leakage", "Trained on", "Images that were trained on"},
                {"figures", "Metrics", "How often each model is right"},
                {"confusion", "Confusion", "What is taken for what"},
                {"scatter", "Scatter", "The images by their features"},
                {"reliability", "Reliability", "Whether confidence can be trusted"},
                {"coverage", "Coverage", "From which probability on to trust it"},
                {"unknown", "Unknown", "Whether images of something else are told"},
                {"training", "Training", "How training went"},
                {"classes", "Classes", "Class by class"},
                {"slices", "Slices", "Which images it is more or less often right on"},
                {"mistakes", "Mistakes", "Mistakes, the most confident first"},
                {"explanations", "Explanations", "What speaks for a class and against it"},
                {"review", "Review", "What to look at"},
                {"settings", "Settings", "How it was made"}};

void section_open(const Report *report, const char *id)
{
    guint i = 0;
    while (!g_str_equal(contents[i].id, id))
        i++;
    g_string_append_printf(report->page, "<section id=\"%s\">\n<h2>%s</h2>\n", id, contents[i].heading);
}

gboolean report_several(const Report *report)
{
    return report->comparison->evaluations->len > 1;
}

gboolean report_opens(const Report *report, guint model)
{
    return report->comparison->evaluations->len <= 2 || model == report->verdict->best;
}

static void append_head(GString *page, const char *title)
{
    g_string_append(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                          "<link rel=\"icon\" href=\"data:,\">\n");
    html_element(page, "title", title);
    g_string_append_printf(page, "\n<style>\n%s</style>\n</head>\n", report_css);
}

/* Links to the sections that the page has. */
static void append_contents(GString *page, const char *sections)
{
    g_string_append(page, "<nav aria-label=\"Sections\"><div class=\"inner\">\n");
    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autofree char *section = g_strdup_printf("<section id=\"%s\"", contents[i].id);
        if (strstr(sections, section))
            g_string_append_printf(page, "<a href=\"#%s\">%s</a>\n", contents[i].id, contents[i].link);
    }
    g_string_append(page, "<button type=\"button\" id=\"theme\" hidden>Dark</button>\n</div></nav>\n");
}

static void append_masthead(GString *page, const Comparison *comparison, const char *title)
{
    const TestImages *images = comparison->images;
    g_string_append(
        page,
        "<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header class=\"masthead\">\n");
    html_element(page, "h1", title);
    g_string_append_printf(
        page, "\n<p class=\"soft\">%u %s of %u %s from the %s ", comparison_count(comparison),
        plural(comparison_count(comparison), "image", "images"), comparison_classes(comparison),
        plural(comparison_classes(comparison), "class", "classes"), images->is_cache ? "cache" : "folder");
    html_element(page, "code", images->source);
    if (images->skipped->len)
        g_string_append_printf(page, "; %u more could not be read", images->skipped->len);
    g_string_append(page, "</p>\n</header>\n");
}

static gboolean append_sections(const Report *report, GError **error)
{
    section_verdict(report);
    section_leakage(report);
    section_metrics(report);
    section_confusion(report);
    if (!section_scatter(report, error))
        return FALSE;
    section_reliability(report);
    section_coverage(report);
    section_unknown(report);
    section_training(report);
    section_classes(report);
    section_slices(report);
    section_mistakes(report);
    section_explanations(report);
    section_settings(report);
    return TRUE;
}

/* The page around its sections. */
static gboolean write_page(const Report *report, const char *title, GError **error)
{
    const char *folder = report->options->folder, *sections = report->page->str;
    g_autoptr(GString) page = g_string_new(NULL);
    append_head(page, title);
    append_masthead(page, report->comparison, title);
    append_contents(page, sections);
    g_string_append(page, "<main id=\"main\">\n");
    g_string_append(page, sections); /* megabytes: not by printf, fatal.h */
    g_string_append_printf(page, "</main>\n<footer class=\"masthead soft\"><p>vggcache %s</p></footer>\n",
                           VGGCACHE_VERSION);
    g_string_append_printf(page, "<script>\n%s</script>\n</body>\n</html>\n", report_js);
    if (g_mkdir_with_parents(folder, 0777) != 0)
        return error_set(error, "%s: cannot create the report's folder: %s", folder, g_strerror(errno));
    g_autofree char *path = g_build_filename(folder, "index.html", NULL);
    return output_file_write(path, page->str, page->len, error);
}

static char *title_of(const Comparison *comparison, const ReportOptions *options, const char *what)
{
    g_autofree char *name = g_path_get_basename(comparison->images->source);
    return options->title ? g_strdup(options->title) : g_strdup_printf("%s on %s", what, name);
}

gboolean report_write(const Comparison *comparison, const ReportOptions *options, GError **error)
{
    g_autoptr(GString) sections = g_string_new(NULL);
    g_autofree char *title = title_of(comparison, options, "Evaluation");
    g_autoptr(Verdict) verdict = verdict_new(comparison);
    const Report report = {comparison, options, sections, verdict};
    return append_sections(&report, error) && write_page(&report, title, error);
}

static gboolean write_alone(const Comparison *comparison, const ReportOptions *options, const char *what,
                            void (*section)(const Report *report), GError **error)
{
    g_autoptr(GString) sections = g_string_new(NULL);
    g_autofree char *title = title_of(comparison, options, what);
    g_autoptr(Verdict) verdict = verdict_new(comparison);
    const Report report = {comparison, options, sections, verdict};
    section(&report);
    return write_page(&report, title, error);
}

gboolean report_explanations_write(const Comparison *comparison, const ReportOptions *options, GError **error)
{
    return write_alone(comparison, options, "Explanations", section_explanations, error);
}

gboolean report_review_write(const Comparison *comparison, const ReportOptions *options, GError **error)
{
    return write_alone(comparison, options, "Review", section_review, error);
}
