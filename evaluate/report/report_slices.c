/* report_slices: see report_slices.h and report_sections.h. */
#include "evaluate/report/report_slices.h"

#include "common/cli/cli.h"
#include "evaluate/questions/slices.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"

static const double significance = 0.05;

static double accuracy_of(guint right, guint images)
{
    return images ? (double)right / images : 0;
}

static const char *test_name(const Comparison *comparison)
{
    return comparison->units ? "a test of signs" : "Fisher's exact test";
}

/* ---- Text ---- */

static void append_slice(GString *text, const char *model, const Slice *slice)
{
    g_autofree char *column = cli_printable(slice->column), *value = cli_printable(slice->value);
    g_string_append_printf(text, "%s  %s = %s: %.1f %% (%.1f to %.1f) of %u", model, column, value,
                           100 * accuracy_of(slice->right, slice->images), 100 * slice->interval.low,
                           100 * slice->interval.high, slice->images);
    if (slice->p < significance)
        g_string_append_printf(text, ", differs from %.1f %% of the %u others, p = %.2g",
                               100 * accuracy_of(slice->others_right, slice->others), slice->others,
                               slice->p);
    g_string_append_c(text, '\n');
}

void slices_text(GString *text, const Comparison *comparison)
{
    if (!comparison->slices)
        return;
    g_autofree char *over = comparison_over(comparison);
    g_string_append_printf(text,
                           "\nRight by slice (95 %% interval; p: %s%s, corrected for all slices by Holm)\n",
                           test_name(comparison), over);
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        g_autofree char *name = cli_printable(evaluation->name);
        g_autoptr(GArray) slices = slices_measure(comparison, evaluation);
        guint differ = 0;
        for (guint s = 0; s < slices->len; s++) {
            append_slice(text, name, &g_array_index(slices, Slice, s));
            differ += g_array_index(slices, Slice, s).p < significance;
        }
        g_string_append_printf(text, "%s  %u of %u slices %s\n", name, differ, slices->len,
                               differ == 1 ? "differs beyond chance" : "differ beyond chance");
    }
}

/* ---- JSON ---- */

json_t *slices_json(const Comparison *comparison, const Evaluation *evaluation)
{
    json_t *array = json_array();
    g_autoptr(GArray) slices = slices_measure(comparison, evaluation);
    for (guint s = 0; s < slices->len; s++) {
        const Slice *slice = &g_array_index(slices, Slice, s);
        g_autofree char *column = g_utf8_make_valid(slice->column, -1),
                        *value = g_utf8_make_valid(slice->value, -1);
        json_array_append_new(
            array, json_pack("{s:s, s:s, s:I, s:I, s:[f,f], s:I, s:I, s:f, s:b}", "column", column, "value",
                             value, "images", (json_int_t)slice->images, "right", (json_int_t)slice->right,
                             "interval", slice->interval.low, slice->interval.high, "others",
                             (json_int_t)slice->others, "others_right", (json_int_t)slice->others_right, "p",
                             slice->p, "differs", slice->p < significance));
    }
    return array;
}

/* ---- The report ---- */

static void append_row(GString *page, const Slice *slice)
{
    g_string_append(page, "<tr>");
    g_autofree char *name = g_strdup_printf("%s = %s", slice->column, slice->value);
    html_element(page, "th", name);
    html_cell(page, "images", "");
    g_string_append_printf(page, "%u</td>", slice->images);
    html_cell(page, "right", "");
    html_share(page, accuracy_of(slice->right, slice->images));
    g_string_append(page, "</td>");
    html_cell(page, "95 % interval", "");
    g_string_append_printf(page, "%.1f to ", 100 * slice->interval.low);
    html_share(page, slice->interval.high);
    g_string_append(page, "</td>");
    html_cell(page, "others", "");
    html_share(page, accuracy_of(slice->others_right, slice->others));
    g_string_append(page, "</td>");
    html_cell(page, "p", "");
    html_p(page, slice->p);
    g_string_append(page,
                    slice->p < significance ? ", <strong>differs</strong></td></tr>\n" : "</td></tr>\n");
}

void section_slices(const Report *report)
{
    GString *page = report->page;
    const Comparison *comparison = report->comparison;
    if (!comparison->slices)
        return;
    section_open(report, "slices");
    g_autofree char *over = comparison_over(comparison);
    g_string_append_printf(
        page,
        "<p>%sp is that of %s%s against the images with another value in the column, corrected "
        "for all slices by Holm; below 0.05 the slice differs.</p>\n",
        comparison->units ? "The intervals are over groups (cluster bootstrap). " : "", test_name(comparison),
        over);
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        g_autoptr(GArray) slices = slices_measure(comparison, evaluation);
        html_open_model(page, evaluation->name, report_several(report), report_opens(report, j));
        html_open_table(page, " class=\"fold\"", "Slices");
        g_string_append(page, "<thead><tr><th class=\"text\">slice</th><th>images</th><th>right</th>"
                              "<th>95&nbsp;% interval</th><th>others</th><th>p</th></tr></thead><tbody>\n");
        for (guint s = 0; s < slices->len; s++)
            append_row(page, &g_array_index(slices, Slice, s));
        html_close_table(page);
        html_close_model(page, report_several(report));
    }
    g_string_append(page, "</section>\n");
}
