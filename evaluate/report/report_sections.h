/* report_sections: the parts of the report's page. Each appends what stands below its heading, or nothing where there is
 * nothing to show. */
#pragma once
#include "common/image/image.h"
#include "common/plot/canvas.h"
#include "evaluate/report/report_html.h"
#include "evaluate/report/review.h"

/* What each model has to show, below its name, nothing where it appends nothing. Several models fold; two are open, or
 * of more the best. */
void report_models(Report *report, void (*append)(Report *report, Evaluation *model));

/* What a section lacks, and how to get it. */
void report_missing(Report *report, const char *sentence);

/* A figure in light and dark. One that cannot be drawn is left out: the page and a remark say so. */
void report_figure(Report *report, CanvasFigure figure, CanvasFormat format, const char *alt);

/* Says that there are none, where the folder is not known. */
void report_thumbnails(Report *report);

/* A JPEG of an image of the comparison; NULL if it cannot be read, or the folder is not known. Safe from several threads. */
GBytes *report_thumbnail(const Report *report, guint image, Fit fit);

/* A card with the image (jpeg; NULL: it cannot be read) if there is a folder, what its label says and what the model
 * says. decides: the card is one to decide on. */
void report_card(Report *report, const Evaluation *evaluation, const ReviewItem *item, GBytes *jpeg,
                 gboolean decides);

void section_verdict(Report *report); /* the answers of verdict_lines.h, and each accuracy as a bar */
void section_leakage(Report *report); /* test images that were trained on */
void section_metrics(Report *report); /* one line per model, McNemar's test for each pair */
void section_confusion(Report *report);
void section_scatter(Report *report); /* of a cache, which it reads */
void section_reliability(Report *report);
void section_coverage(Report *report); /* of models that give probabilities */
void section_unknown(Report *report);  /* with images of no class */
void section_training(Report *report);
void section_classes(Report *report);      /* per class, sortable */
void section_slices(Report *report);       /* with a table of them */
void section_mistakes(Report *report);     /* the most confident mistakes of each model, with thumbnails */
void section_explanations(Report *report); /* maps over images */
void section_review(Report *report);       /* the images to decide on, with a script that does it */
void section_settings(Report *report);     /* of base, cache and models; skipped images */
