/* report_leakage: see report_leakage.h and report_sections.h. */
#include "evaluate/report/report_leakage.h"

#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "evaluate/questions/leakage.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"

#include <math.h>

enum { SHOWN = 10 }; /* images that text and report name, unless they are all; the JSON has all */

/* What the model that was trained on most of these images has seen of one. */
static Seen seen_by_any(const Comparison *comparison, guint i)
{
    Seen most = IMAGE_UNSEEN;
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Leakage *leakage = &comparison_model(comparison, j)->leakage;
        if (leakage->seen)
            most = MAX(most, (Seen)leakage->seen[i]);
    }
    return most;
}

static guint count_any(const Comparison *comparison)
{
    guint count = 0;
    for (guint i = 0; i < comparison_count(comparison); i++)
        count += seen_by_any(comparison, i) != IMAGE_UNSEEN;
    return count;
}

/* "cat/1.jpg is dog/2.jpg", "… is nearly …", or that it was trained on. Caller frees. */
static char *describe(const Comparison *comparison, guint i)
{
    const char *path = comparison->images->paths->pdata[i];
    const Twin *twin = comparison->twins ? &comparison->twins[i] : NULL;
    if (!twin || !twin->path || (!twin->same && seen_by_any(comparison, i) == IMAGE_SEEN))
        return g_strdup_printf("%s is in a training set", path);
    return twin->same ? g_strdup_printf("%s is %s", path, twin->path)
                      : g_strdup_printf("%s is nearly %s (%.4f)", path, twin->path, (double)twin->cosine);
}

/* What was compared, and how many images were found. Caller frees. */
static char *headline(const Comparison *comparison, guint count)
{
    guint n = comparison_count(comparison);
    g_autoptr(GString) line = g_string_new(NULL);
    if (!comparison->trained_on) {
        g_string_printf(line, "%u of %u test images were in a training set", count, n);
        return g_strdup(line->str);
    }
    guint same = 0, alike = 0;
    for (guint i = 0; i < n; i++) {
        same += comparison->twins[i].same;
        alike += comparison->twins[i].path && !comparison->twins[i].same;
    }
    g_string_printf(line, "%u of %u test images have the content of an image in %s", same, n,
                    comparison->trained_on);
    if (!isnan(comparison->similarity))
        g_string_append_printf(line, ", and %u more %s nearly the same as one (cosine of the features >= %g)",
                               alike, plural(alike, "is", "are"), comparison->similarity);
    if (count > same + alike)
        g_string_append_printf(line, "; according to the models, %u more %s in a training set",
                               count - same - alike, plural(count - same - alike, "was", "were"));
    return g_strdup(line->str);
}

static void append_row(GString *text, const Comparison *comparison, const Evaluation *evaluation)
{
    const Leakage *leakage = &evaluation->leakage;
    g_autofree char *name = cli_printable(evaluation->name);
    if (!leakage->seen)
        g_string_append_printf(text, "%8.4f  unknown: the model does not record what it was trained on  %s\n",
                               evaluation->accuracy, name);
    else if (leakage_count(evaluation) < comparison_count(comparison))
        g_string_append_printf(text, "%8.4f  %12.4f  %.4f to %.4f  %s\n", evaluation->accuracy,
                               leakage->accuracy, leakage->interval.low, leakage->interval.high, name);
    else
        g_string_append_printf(text, "%8.4f  none is left: nothing is known about new images  %s\n",
                               evaluation->accuracy, name);
}

void leakage_text(GString *text, const Comparison *comparison)
{
    guint count = count_any(comparison), shown = 0;
    if (!count && !comparison->trained_on)
        return;
    g_autofree char *line = headline(comparison, count), *printable = cli_printable(line);
    g_string_append_printf(text, "\n%s\n", printable);
    if (!count)
        return;
    g_string_append(text, "accuracy  without them  95 % interval     model\n");
    for (guint j = 0; j < comparison->evaluations->len; j++)
        append_row(text, comparison, comparison_model(comparison, j));
    if (count == comparison_count(comparison))
        return;
    for (guint i = 0; i < comparison_count(comparison) && shown < SHOWN; i++)
        if (seen_by_any(comparison, i) != IMAGE_UNSEEN) {
            g_autofree char *what = describe(comparison, i), *safe = cli_printable(what);
            g_string_append_printf(text, "  %s\n", safe);
            shown++;
        }
    if (count > shown)
        g_string_append_printf(text, "  and %u more; --json lists all\n", count - shown);
}

/* ---- JSON ---- */

static json_t *json_path(const char *bytes)
{
    g_autofree char *valid = bytes ? g_utf8_make_valid(bytes, -1) : NULL;
    return valid ? json_string(valid) : json_null();
}

static json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *leakage_json(const Comparison *comparison, const Evaluation *evaluation)
{
    const Leakage *leakage = &evaluation->leakage;
    if (!leakage->seen)
        return json_null();
    json_t *images = json_array();
    for (guint i = 0; i < comparison_count(comparison); i++) {
        const Twin *twin = comparison->twins ? &comparison->twins[i] : NULL;
        gboolean same = leakage->seen[i] == IMAGE_SEEN;
        if (leakage->seen[i] == IMAGE_UNSEEN)
            continue;
        json_array_append_new(
            images, json_pack("{s:o, s:s, s:o, s:o}", "path", json_path(comparison->images->paths->pdata[i]),
                              "is", same ? "same content" : "nearly the same", "trained_on",
                              json_path(twin && (twin->same || !same) ? twin->path : NULL), "similarity",
                              same ? json_null() : json_real((double)twin->cosine)));
    }
    json_t *object = json_pack("{s:o, s:o, s:I, s:I}", "cache", json_path(comparison->trained_on),
                               "similarity", json_number(comparison->similarity), "same_content",
                               (json_int_t)leakage->same, "nearly_same", (json_int_t)leakage->alike);
    json_object_set_new(object, "accuracy_without", json_number(leakage->accuracy));
    json_object_set_new(object, "interval_without",
                        isnan(leakage->accuracy)
                            ? json_null()
                            : json_pack("[f,f]", leakage->interval.low, leakage->interval.high));
    json_object_set_new(object, "images", images);
    return object;
}

/* ---- The report ---- */

static void append_share(GString *page, const char *label, double value)
{
    html_cell(page, label, "");
    if (isnan(value))
        g_string_append(page, "\u2013");
    else
        html_share(page, value);
    g_string_append(page, "</td>");
}

static void append_count(GString *page, const char *label, gboolean known, guint count)
{
    html_cell(page, label, "");
    if (known)
        g_string_append_printf(page, "%u</td>", count);
    else
        g_string_append(page, "unknown</td>");
}

static void append_model(GString *page, const Comparison *comparison, const Evaluation *evaluation)
{
    const Leakage *leakage = &evaluation->leakage;
    gboolean left = leakage->seen && leakage_count(evaluation) < comparison_count(comparison);
    g_string_append(page, "<tr>");
    html_element(page, "th", evaluation->name);
    append_count(page, "same content", leakage->seen != NULL, leakage->same);
    append_count(page, "nearly the same", leakage->seen != NULL, leakage->alike);
    append_share(page, "accuracy", evaluation->accuracy);
    append_share(page, "without them", left ? leakage->accuracy : NAN);
    html_cell(page, "95 % interval", "");
    g_string_append_printf(page, left ? "%.1f to " : "\u2013", 100 * leakage->interval.low);
    if (left)
        html_share(page, leakage->interval.high);
    g_string_append(page, "</td></tr>\n");
}

/* The test images that have the same image in the training set, or none that is known, as one group. */
static void append_group(GString *page, const Comparison *comparison, const char *twin, const GArray *images)
{
    g_string_append(page, "<li>");
    html_element(page, twin ? "code" : "span", twin ? twin : "in a training set");
    g_string_append(page, "<ul>");
    for (guint i = 0; i < images->len; i++) {
        guint at = g_array_index(images, guint, i);
        const Twin *other = comparison->twins ? &comparison->twins[at] : NULL;
        g_string_append(page, "<li>");
        html_element(page, "code", comparison->images->paths->pdata[at]);
        if (twin && other->same)
            g_string_append(page, " is the same");
        else if (twin)
            g_string_append_printf(page, " is nearly the same (cosine %.3f)", (double)other->cosine);
        g_string_append(page, "</li>");
    }
    g_string_append(page, "</ul></li>\n");
}

/* The first images that were trained on, in groups by what they are copies of. */
static void append_groups(GString *page, const Comparison *comparison)
{
    g_autoptr(GPtrArray) twins = g_ptr_array_new();
    g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    guint shown = 0;
    for (guint i = 0; i < comparison_count(comparison) && shown < SHOWN; i++) {
        const char *twin = comparison->twins ? comparison->twins[i].path : NULL;
        guint g = 0;
        if (seen_by_any(comparison, i) == IMAGE_UNSEEN)
            continue;
        while (g < twins->len && g_strcmp0(twins->pdata[g], twin) != 0)
            g++;
        if (g == twins->len) {
            g_ptr_array_add(twins, (gpointer)twin);
            g_ptr_array_add(groups, g_array_new(FALSE, FALSE, sizeof(guint)));
        }
        g_array_append_val((GArray *)groups->pdata[g], i);
        shown++;
    }
    g_string_append(page, "<ul class=\"groups\">\n");
    for (guint g = 0; g < groups->len; g++)
        append_group(page, comparison, twins->pdata[g], groups->pdata[g]);
    g_string_append(page, "</ul>\n");
}

static void append_found(GString *page, const Comparison *comparison, guint count)
{
    html_open_table(page, " class=\"fold\"", "Trained on");
    g_string_append(page, "<thead><tr><th class=\"text\">model</th><th>same content</th><th>nearly the "
                          "same</th><th>accuracy</th><th>without them</th><th>95&nbsp;% "
                          "interval</th></tr></thead><tbody>\n");
    for (guint j = 0; j < comparison->evaluations->len; j++)
        append_model(page, comparison, comparison_model(comparison, j));
    html_close_table(page);
    if (count == comparison_count(comparison))
        return;
    append_groups(page, comparison);
    if (count > SHOWN)
        g_string_append_printf(page, "<p>and %u more, which <code>--json</code> lists</p>\n", count - SHOWN);
}

void section_leakage(const Report *report)
{
    GString *page = report->page;
    const Comparison *comparison = report->comparison;
    guint count = count_any(comparison);
    if (!count && !comparison->trained_on)
        return;
    g_autofree char *line = headline(comparison, count);
    section_open(report, "leakage");
    html_element(page, "p", line);
    if (count)
        append_found(page, comparison, count);
    g_string_append(page, "</section>\n");
}
