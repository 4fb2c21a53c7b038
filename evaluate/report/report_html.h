/* report_html: everything about a comparison on one self-contained page, DIR/index.html: no network, no
 * other file. First the verdict (verdict_lines.h), then metrics, plots in light and dark, sortable tables, the most
 * confident mistakes with thumbnails, settings and hashes. Without scripts everything is there except sorting and the
 * theme switch. The same comparison gives the same page. */
#pragma once
#include "evaluate/explanation/explanation.h"
#include "evaluate/report/confusion.h"

typedef struct {
    const Comparison *comparison;
    const Style *style;            /* title NULL: "Evaluation on SOURCE", "Review on SOURCE", … */
    const GPtrArray *explanations; /* Explanation*; NULL: none */
    const GArray *review;          /* ReviewItem (review.h); NULL: none */

    /* Of the sections (report_sections.h): */
    GString *page;
    GError *error; /* of what failed; NULL: nothing */
} Report;

typedef enum {
    REPORT_ALL,          /* but what there is to decide on */
    REPORT_EXPLANATIONS, /* alone, in the same way */
    REPORT_REVIEW,       /* the images to review, and what is needed to decide on them (review.js) */
} ReportKind;

/* Into a folder, which is created where it is missing. FALSE and error if that fails, or what is shown cannot be read. */
gboolean report_write(Report *report, ReportKind kind, const char *folder, GError **error);
