/* report_unknown: see report_answers.h and report_sections.h. */
#include "common/core/plural.h"
#include "common/plot/axes.h"
#include "evaluate/report/report_answers.h"
#include "evaluate/report/report_sections.h"

#include <math.h>
#include <string.h>

enum { BINS = 25, WIDTH = 560, HEIGHT = 320 };

static const char by_similarity[] = "similarity to the images trained on";

static const char *told_by(const Evaluation *model, guint way)
{
    return way == TOLD_BY_SIMILARITY ? by_similarity
           : model->probabilities    ? "probability"
                                     : "decision value";
}

void unknown_text(GString *text, const Comparison *comparison)
{
    if (!comparison->unknown)
        return;
    const Dataset *unknown = comparison->unknown->list;
    text_print(text, "\n%u unknown %s in %s (AUROC; share of them told where %g %% of the known are kept)\n",
               unknown->items->len, plural(unknown->items->len, "image", "images"), unknown->root,
               100 * METRICS_KEPT);
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *model = comparison->evaluations[j];
        const Told *told = &model->told;
        for (guint way = 0; way < told->ways; way++)
            text_print(text, "%s  %.4f  %5.1f %%  by %s\n", model->name, told->by[way].auroc,
                       100 * told->by[way].told, told_by(model, way));
        if (told->ways <= TOLD_BY_SIMILARITY)
            text_print(text, "%s keeps no images trained on; train a head on a cache again\n", model->name);
        else
            text_print(text,
                       "%s  known from a similarity of %.4f on: %.1f %% of the known are, and %.1f %% of the "
                       "unknown are not\n",
                       model->name, told->limit, 100 * told->kept, 100 * told->below);
    }
}

/* ---- Plot ---- */

/* The share of n similarities in each bin from `from` to 1. Returns the largest. */
static double count_shares(const float *similarities, guint n, double from, double shares[BINS])
{
    double most = 0;
    memset(shares, 0, BINS * sizeof *shares);
    for (guint i = 0; i < n; i++) {
        double place = ((double)similarities[i] - from) / (1 - from);
        int bin = CLAMP((int)(place * BINS), 0, BINS - 1);
        shares[bin] += 1.0 / n;
        most = fmax(most, shares[bin]);
    }
    return most;
}

static void draw_steps(Axes *axes, const double shares[BINS], double from, guint32 color, const char *label)
{
    AxesPoint points[2 * BINS + 2];
    for (int i = 0; i < 2 * BINS + 2; i++)
        points[i] = (AxesPoint){.x = from + i / 2 * (1 - from) / BINS,
                                .y = i > 0 && i <= 2 * BINS ? shares[(i - 1) / 2] : 0};
    axes_line(axes, points, G_N_ELEMENTS(points), color, FALSE, label);
}

/* How similar known and unknown images are to the images trained on. */
static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    static const char *const names[] = {"known", "unknown"};
    const Evaluation *model = figure->of;
    const CanvasTheme *theme = canvas_theme(canvas);
    const float *const similarities[] = {model->known.similarities, model->unknown.similarities};
    const guint n[] = {model->comparison->n, model->comparison->unknown->list->items->len};
    double from = 0.99, most = 0, shares[2][BINS];
    for (int k = 0; k < 2; k++)
        for (guint i = 0; i < n[k]; i++)
            from = fmin(from, (double)similarities[k][i]);
    for (int k = 0; k < 2; k++)
        most = fmax(most, count_shares(similarities[k], n[k], from, shares[k]));
    g_autoptr(Axes) axes =
        axes_new(canvas, 0, 0, WIDTH, HEIGHT,
                 &(AxesOptions){.x = {by_similarity, .from = from, .to = 1},
                                .y = {"share of the images", 0, most, .nice = TRUE, .percent = TRUE}});
    for (int k = 0; k < 2; k++)
        draw_steps(axes, shares[k], from, theme->series[k], names[k]);
    axes_mark(axes, model->told.limit, theme->soft, "known from here on");
}

/* ---- JSON and the report ---- */

static void describe(Row *row, gconstpointer of, guint way)
{
    const Evaluation *model = of;
    row_text(row, NULL, "by", told_by(model, way));
    row_number(row, "auroc", "AUROC", model->told.by[way].auroc, 3);
    row_share(row, "told", "unknown told", model->told.by[way].told);
}

json_t *unknown_json(const Evaluation *model)
{
    if (!model->comparison->unknown)
        return json_null();
    const Told *told = &model->told;
    Row row = {.object = json_object()};
    row_count(&row, "images", NULL, model->comparison->unknown->list->items->len);
    row_value(&row, "score", row_json(describe, model, TOLD_BY_SCORE));
    if (told->ways <= TOLD_BY_SIMILARITY)
        return row.object;
    row_value(&row, "similarity", row_json(describe, model, TOLD_BY_SIMILARITY));
    row_share(&row, "limit", NULL, told->limit);
    row_share(&row, "kept", NULL, told->kept);
    row_share(&row, "told", NULL, told->below);
    return row.object;
}

static void append_model(Report *report, Evaluation *model)
{
    const Told *told = &model->told;
    const CanvasFigure figure = {.width = WIDTH, .height = HEIGHT, .draw = draw, .of = model};
    g_autofree char *alt = g_strdup_printf("Similarities of known and unknown images, %s", model->name);
    rows_table(report->page, "fold", "How well unknown images are told", describe, model, told->ways);
    if (told->ways <= TOLD_BY_SIMILARITY) {
        report_missing(report, "It keeps no images trained on; train a head on a cache again.");
        return;
    }
    html_print(report->page,
               "<p>Known from a similarity of %.4f on: %.1f %% of the known are, and %.1f %% of the unknown "
               "are not.</p>",
               told->limit, 100 * told->kept, 100 * told->below);
    report_figure(report, figure, CANVAS_SVG, alt);
}

void section_unknown(Report *report)
{
    if (!report->comparison->unknown)
        return;
    const Dataset *unknown = report->comparison->unknown->list;
    html_print(report->page,
               "<p>%u %s of none of the classes, from <code>%s</code>, against those evaluated. Told: below "
               "the highest limit that %g&nbsp;%% of the known reach.</p>\n",
               unknown->items->len, plural(unknown->items->len, "image", "images"), unknown->root,
               100 * METRICS_KEPT);
    report_models(report, append_model);
}
