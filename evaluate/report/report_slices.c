/* report_slices: see report_answers.h and report_sections.h. */
#include "evaluate/report/report_answers.h"

#include "evaluate/report/report_sections.h"

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
    text_print(text, "%s  %s = %s: %.1f %% (%.1f to %.1f) of %u", model, slice->column, slice->value,
               100 * accuracy_of(slice->right, slice->images), 100 * slice->interval.low,
               100 * slice->interval.high, slice->images);
    if (slice->p < VERDICT_LEVEL)
        text_print(text, ", differs from %.1f %% of the %u others, p = %.2g",
                   100 * accuracy_of(slice->others_right, slice->others), slice->others, slice->p);
    g_string_append_c(text, '\n');
}

void slices_text(GString *text, const Comparison *comparison)
{
    if (!comparison->evaluations[0]->slices)
        return;
    text_print(text, "\nRight by slice (95 %% interval; p: %s%s, corrected for all slices by Holm)\n",
               test_name(comparison), comparison->over);
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        const GArray *slices = evaluation->slices;
        guint differ = 0;
        for (guint s = 0; s < slices->len; s++) {
            append_slice(text, evaluation->name, &g_array_index(slices, Slice, s));
            differ += g_array_index(slices, Slice, s).p < VERDICT_LEVEL;
        }
        text_print(text, "%s  %u of %u slices %s\n", evaluation->name, differ, slices->len,
                   differ == 1 ? "differs beyond chance" : "differ beyond chance");
    }
}

/* ---- JSON and the report ---- */

/* of: an array of Slice. */
static void describe(Row *row, gconstpointer of, guint line)
{
    const Slice *slice = &g_array_index((const GArray *)of, Slice, line);
    g_autofree char *name = g_strdup_printf("%s = %s", slice->column, slice->value);
    row_text(row, NULL, "slice", name);
    row_text(row, "column", NULL, slice->column);
    row_text(row, "value", NULL, slice->value);
    row_count(row, "images", "images", slice->images);
    row_count(row, "right", NULL, slice->right);
    row_share(row, NULL, "right", accuracy_of(slice->right, slice->images));
    row_interval(row, "interval", "95\u00a0% interval", slice->interval);
    row_count(row, "others", NULL, slice->others);
    row_count(row, "others_right", NULL, slice->others_right);
    row_share(row, NULL, "others", accuracy_of(slice->others_right, slice->others));
    row_p(row, "p", "p", slice->p);
    row_flag(row, "differs", "at 5\u00a0%", slice->p < VERDICT_LEVEL, "differs");
}

json_t *slices_json(const Evaluation *evaluation)
{
    const GArray *slices = evaluation->slices;
    return rows_json(describe, slices, slices ? slices->len : 0);
}

static void append_model(Report *report, Evaluation *model)
{
    rows_table(report->page, "fold", "Slices", describe, model->slices, model->slices->len);
}

void section_slices(Report *report)
{
    const Comparison *comparison = report->comparison;
    if (!comparison->evaluations[0]->slices)
        return;
    html_print(report->page,
               "<p>%sp is that of %s%s against the images with another value in the column, corrected "
               "for all slices by Holm; below 0.05 the slice differs.</p>\n",
               comparison->units ? "The intervals are over groups (cluster bootstrap). " : "",
               test_name(comparison), comparison->over);
    report_models(report, append_model);
}
