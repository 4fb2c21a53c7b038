/* report_sections: the parts of the report's page. Each appends one <section>, or nothing where there is
 * nothing to show. The scatter's, which reads the cache, can fail. */
#pragma once
#include "common/plot/canvas.h"
#include "evaluate/metrics/verdict.h"
#include "evaluate/report/report_html.h"

typedef struct {
    const Comparison *comparison;
    const ReportOptions *options;
    GString *page;
    const Verdict *verdict;
} Report;

/* "<section id=…>" and its heading, which report_html.c has. */
void section_open(const Report *report, const char *id);

/* Whether there are several models, whose blocks then fold, and which of them are open: two, or of more the best. */
gboolean report_several(const Report *report);
gboolean report_opens(const Report *report, guint model);

/* What a section lacks, and how to get it. */
void report_missing(const Report *report, const char *sentence);

/* A figure in light and dark. One that cannot be drawn is left out: the page and a remark say so. */
void report_figure(const Report *report, const CanvasFigure *figure, const char *ending, const char *alt);

/* The folder of the images, for thumbnails; NULL if it is not known, which the page then says. */
const char *report_thumbnails(const Report *report);

void section_verdict(const Report *report); /* the answers of verdict_lines.h, and each accuracy as a bar */
void section_metrics(const Report *report); /* one line per model, McNemar's test for each pair */
void section_leakage(
    const Report *report); /* test images that were trained on; nothing where there are none */
void section_confusion(const Report *report);
gboolean section_scatter(const Report *report, GError **error); /* of a cache; nothing for a folder */
void section_reliability(const Report *report);
void section_coverage(const Report *report); /* of models that give probabilities */
void section_unknown(const Report *report);  /* with images of no class */
void section_training(const Report *report);
void section_classes(const Report *report);  /* per class, sortable */
void section_slices(const Report *report);   /* with a table of them */
void section_mistakes(const Report *report); /* the most confident mistakes of each model, with thumbnails */
void section_explanations(const Report *report); /* maps over images; nothing where there are none */
void section_review(const Report *report);       /* the images to decide on, with a script that does it */
void section_settings(const Report *report);     /* of base, cache and models; skipped images */
