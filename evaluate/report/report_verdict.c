/* report_verdict: the first section of the report, which gives the answers first; see report_sections.h. */
#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"
#include "evaluate/report/verdict_lines.h"

enum { MAX_BARS = 8 }; /* models; the table below has all */

/* A dot on a band from low to high, and a line at the accuracy of guessing. The answers and the table say the same in
 * words. */
static void append_bar(GString *page, const Evaluation *evaluation, double guess)
{
    html_print(page,
               "<div class=\"accuracy-name\">%s</div><div class=\"track\" "
               "style=\"--low:%.2f%%;--high:%.2f%%;--at:%.2f%%;--guess:%.2f%%\">"
               "<i class=\"band\"></i><i class=\"guess\"></i><i class=\"dot\"></i></div>"
               "<div class=\"accuracy-value\">%.1f&nbsp;%%</div>\n",
               evaluation->name, 100 * evaluation->interval.low, 100 * evaluation->interval.high,
               100 * evaluation->accuracy, 100 * guess, 100 * evaluation->accuracy);
}

void section_verdict(Report *report)
{
    GString *page = report->page;
    const Comparison *comparison = report->comparison;
    g_string_append(page, "<dl class=\"answers\">\n");
    for (guint i = 0; i < VERDICT_LINES; i++) {
        const char *question;
        g_autofree char *answer = verdict_line(comparison, report->style->timing, i, &question);
        if (!answer)
            continue;
        html_print(page, "<dt>%s</dt><dd>", question);
        html_prose(page, answer);
        g_string_append(page, "</dd>\n");
    }
    g_string_append(page, "</dl>\n<div class=\"accuracies\" aria-hidden=\"true\">\n");
    for (guint j = 0; j < MIN(comparison->models, MAX_BARS); j++)
        append_bar(page, comparison->evaluations[j], comparison->guess);
    g_string_append(page,
                    "<div></div><div class=\"scale\"><span>0</span><span>accuracy; the band is its 95&nbsp;% "
                    "interval, the line guessing</span><span>100&nbsp;%</span></div><div></div>\n</div>\n");
}
