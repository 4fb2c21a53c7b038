/* report_coverage: see report_coverage.h and report_sections.h. */
#include "evaluate/report/report_coverage.h"

#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"

static Answers answers_of(const Comparison *comparison, const Evaluation *evaluation)
{
    return (Answers){.name = evaluation->name,
                     .probabilities = evaluation->probabilities,
                     .labels = test_images_labels(comparison->images),
                     .n = comparison_count(comparison),
                     .classes = comparison_classes(comparison),
                     .class_names = test_images_class_names(comparison->images),
                     .units = comparison->units,
                     .points = evaluation->coverage};
}

Answers *coverage_answers(const Comparison *comparison)
{
    guint models = comparison->evaluations->len;
    Answers *answers = g_new(Answers, models);
    for (guint j = 0; j < models; j++)
        answers[j] = answers_of(comparison, comparison_model(comparison, j));
    return answers;
}

void coverage_report_text(GString *text, const Comparison *comparison)
{
    g_autofree Answers *answers = coverage_answers(comparison);
    g_string_append(text, "\nAnswering only what is sure (95 % interval of what is right)\n");
    for (guint j = 0; j < comparison->evaluations->len; j++)
        coverage_text(text, &answers[j]);
}

/* ---- JSON ---- */

static json_t *classes_json(const Answers *answers, double threshold)
{
    g_autofree CoveragePoint *of = g_new(CoveragePoint, answers->classes);
    json_t *object = json_object();
    coverage_by_class(answers, threshold, of);
    for (guint c = 0; c < answers->classes; c++) {
        g_autofree char *name = g_utf8_make_valid(answers->class_names[c], -1);
        json_object_set_new(object, name,
                            json_pack("{s:I, s:I}", "answered", (json_int_t)of[c].answered, "right",
                                      (json_int_t)of[c].right));
    }
    return object;
}

json_t *coverage_json(const Comparison *comparison, const Evaluation *evaluation)
{
    const Answers answers = answers_of(comparison, evaluation);
    json_t *array = json_array();
    for (guint t = 0; answers.points && t < COVERAGE_TARGETS; t++) {
        const CoveragePoint *point = calibration_accept(answers.points, coverage_targets[t]);
        if (!point)
            continue;
        Interval interval = coverage_interval(&answers, point->threshold);
        json_array_append_new(array, json_pack("{s:f, s:f, s:I, s:I, s:[f,f], s:o}", "target",
                                               coverage_targets[t], "threshold", point->threshold, "answered",
                                               (json_int_t)point->answered, "right", (json_int_t)point->right,
                                               "interval", interval.low, interval.high, "per_class",
                                               classes_json(&answers, point->threshold)));
    }
    return array;
}

/* ---- The report ---- */

static void append_target(GString *page, const Answers *answers, double target)
{
    const CoveragePoint *point = calibration_accept(answers->points, target);
    g_string_append_printf(page, "<tr><th scope=\"row\">%.0f&nbsp;%% right</th>", 100 * target);
    html_cell(page, "from", "");
    if (!point) {
        g_string_append(page, "no probability</td>");
        html_cell(page, "95 % interval", "");
        g_string_append(page, "\u2013</td>");
        html_cell(page, "answered", "");
        g_string_append(page, "\u2013</td></tr>\n");
        return;
    }
    Interval interval = coverage_interval(answers, point->threshold);
    g_string_append_printf(page, "%.4f</td>", point->threshold);
    html_cell(page, "95 % interval", "");
    g_string_append_printf(page, "%.1f to ", 100 * interval.low);
    html_share(page, interval.high);
    g_string_append(page, "</td>");
    html_cell(page, "answered", "");
    html_share(page, (double)point->answered / answers->n);
    g_string_append(page, "</td></tr>\n");
}

static void append_classes(GString *page, const Answers *answers)
{
    const CoveragePoint *point = coverage_main(answers);
    if (!point)
        return;
    g_autofree CoveragePoint *of = g_new(CoveragePoint, answers->classes);
    g_autofree CoveragePoint *all = g_new(CoveragePoint, answers->classes);
    coverage_by_class(answers, point->threshold, of);
    coverage_by_class(answers, 0, all);
    g_string_append_printf(page, "<details><summary>By class, from %.4f on</summary>", point->threshold);
    html_open_table(page, " class=\"fold sortable\"", "What is answered by class");
    g_string_append(page,
                    "<thead><tr><th scope=\"col\" class=\"text\">Class</th><th scope=\"col\">Images</th>"
                    "<th scope=\"col\">Answered</th><th scope=\"col\">Right</th></tr></thead>\n<tbody>\n");
    for (guint c = 0; c < answers->classes; c++) {
        const guint counts[] = {all[c].answered, of[c].answered, of[c].right};
        static const char *const labels[] = {"Images", "Answered", "Right"};
        g_string_append(page, "<tr><th scope=\"row\">");
        html_text(page, answers->class_names[c]);
        g_string_append(page, "</th>");
        for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
            html_cell(page, labels[i], "");
            g_string_append_printf(page, "%u</td>", counts[i]);
        }
        g_string_append(page, "</tr>\n");
    }
    html_close_table(page);
    g_string_append(page, "</details>\n");
}

void section_coverage(const Report *report)
{
    const Comparison *comparison = report->comparison;
    guint models = comparison->evaluations->len;
    GString *page = report->page;
    g_autofree Answers *answers = coverage_answers(comparison);
    const CanvasFigure figure = coverage_figure(answers, models);
    if (figure.refusal)
        return; /* which the section on reliability says */
    section_open(report, "coverage");
    g_string_append(page,
                    "<p>How much is right of what is answered, if only images are whose class has at least "
                    "some probability.</p>\n");
    report_figure(report, &figure, "svg", "Accuracy by the share of images answered");
    for (guint j = 0; j < models; j++) {
        if (!answers[j].points)
            continue;
        html_open_model(page, answers[j].name, report_several(report), report_opens(report, j));
        html_open_table(page, " class=\"fold\"", "Thresholds");
        g_string_append(
            page, "<thead><tr><th scope=\"col\" class=\"text\">Of the answers</th><th scope=\"col\">from"
                  "</th><th scope=\"col\">95&nbsp;% interval</th><th scope=\"col\">answered</th></tr>"
                  "</thead>\n<tbody>\n");
        for (guint t = 0; t < COVERAGE_TARGETS; t++)
            append_target(page, &answers[j], coverage_targets[t]);
        html_close_table(page);
        append_classes(page, &answers[j]);
        html_close_model(page, report_several(report));
    }
    g_string_append(page, "</section>\n");
}
