/* report_coverage: see report_answers.h and report_sections.h. */
#include "evaluate/report/report_answers.h"

#include "evaluate/report/report_sections.h"

#include <math.h>

void coverage_report_text(GString *text, const Comparison *comparison)
{
    g_string_append(text, "\nAnswering only what is sure (95 % interval of what is right)\n");
    for (guint j = 0; j < comparison->models; j++)
        coverage_text(text, comparison->answers[j]);
}

/* ---- JSON and the report ---- */

static void describe_target(Row *row, gconstpointer of, guint target)
{
    const Answers *answers = of;
    const CoveragePoint *point = calibration_accept(answers->points, coverage_targets[target]);
    Interval interval = point ? coverage_interval(answers, point->threshold) : (Interval){NAN, NAN};
    g_autofree char *title = g_strdup_printf("%.0f\u00a0%% right", 100 * coverage_targets[target]);
    row_text(row, NULL, "Of the answers", title);
    row_number(row, "target", NULL, coverage_targets[target], 2);
    if (point)
        row_number(row, "threshold", "from", point->threshold, 4);
    else
        row_text(row, NULL, "from", "no probability");
    row_count(row, "answered", NULL, point ? point->answered : 0);
    row_count(row, "right", NULL, point ? point->right : 0);
    row_interval(row, "interval", "95\u00a0% interval", interval);
    row_share(row, NULL, "answered", point ? (double)point->answered / answers->n : NAN);
}

typedef struct {
    const Answers *answers;
    const CoveragePoint *of, *all; /* (L) of each class, what is answered from the threshold on, and at all */
} Classes;

static void describe_class(Row *row, gconstpointer of, guint class)
{
    const Classes *classes = of;
    row_text(row, NULL, "Class", classes->answers->class_names[class]);
    row_count(row, NULL, "Images", classes->all[class].answered);
    row_count(row, "answered", "Answered", classes->of[class].answered);
    row_count(row, "right", "Right", classes->of[class].right);
}

json_t *coverage_json(const Evaluation *evaluation)
{
    const Answers *answers = &evaluation->answers;
    json_t *array = json_array();
    for (guint t = 0; answers->points && t < COVERAGE_TARGETS; t++) {
        const CoveragePoint *point = calibration_accept(answers->points, coverage_targets[t]);
        if (!point)
            continue;
        g_autofree CoveragePoint *of = coverage_by_class(answers, point->threshold);
        const Classes classes = {answers, of, of};
        json_t *object = row_json(describe_target, answers, t);
        json_object_set_new(object, "per_class",
                            rows_named(describe_class, &classes, answers->class_names, answers->classes));
        json_array_append_new(array, object);
    }
    return array;
}

static void append_model(Report *report, Evaluation *model)
{
    GString *page = report->page;
    const Answers *answers = &model->answers;
    if (!answers->points)
        return;
    rows_table(page, "fold", "Thresholds", describe_target, answers, COVERAGE_TARGETS);
    const CoveragePoint *point = coverage_main(answers);
    if (!point)
        return;
    g_autofree CoveragePoint *of = coverage_by_class(answers, point->threshold),
                             *all = coverage_by_class(answers, 0);
    const Classes classes = {answers, of, all};
    html_print(page, "<details><summary>By class, from %.4f on</summary>", point->threshold);
    rows_table(page, "fold sortable", "What is answered by class", describe_class, &classes,
               answers->classes);
    g_string_append(page, "</details>\n");
}

void section_coverage(Report *report)
{
    const CanvasFigure figure = coverage_figure(report->comparison->answers, report->comparison->models);
    if (figure.refusal)
        return; /* which the section on reliability says */
    g_string_append(report->page,
                    "<p>How much is right of what is answered, if only images are whose class has at least "
                    "some probability.</p>\n");
    report_figure(report, figure, CANVAS_SVG, "Accuracy by the share of images answered");
    report_models(report, append_model);
}
