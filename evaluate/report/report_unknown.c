/* report_unknown: see report_answers.h and report_sections.h. */
#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/plot/axes.h"
#include "evaluate/questions/unknown.h"
#include "evaluate/report/report_answers.h"
#include "evaluate/report/report_sections.h"

#include <math.h>
#include <string.h>

enum { BINS = 25, WIDTH = 560, HEIGHT = 320 };

static const char by_similarity[] = "similarity to the images trained on";

static const char *by_score(const Evaluation *evaluation)
{
    return evaluation->probabilities ? "probability" : "decision value";
}

static void append_separation(GString *text, const char *name, Separation separation, const char *by)
{
    g_string_append_printf(text, "%s  %.4f  %5.1f %%  by %s\n", name, separation.auroc, 100 * separation.told,
                           by);
}

void unknown_text(GString *text, const Comparison *comparison)
{
    if (!comparison->unknown)
        return;
    guint m = comparison->unknown->list->items->len;
    g_autofree char *source = cli_printable(comparison->unknown->list->root);
    g_string_append_printf(
        text, "\n%u unknown %s in %s (AUROC; share of them told where %g %% of the known are kept)\n", m,
        plural(m, "image", "images"), source, 100 * METRICS_KEPT);
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        UnknownFigures figures = unknown_measure(evaluation);
        const char *name = evaluation->shown;
        append_separation(text, name, figures.score, by_score(evaluation));
        if (!evaluation->known.similarities) {
            g_string_append_printf(text, "%s keeps no images trained on; train a head on a cache again\n",
                                   name);
            continue;
        }
        append_separation(text, name, figures.similarity, by_similarity);
        g_string_append_printf(text,
                               "%s  known from a similarity of %.4f on: %.1f %% of the known are, and %.1f "
                               "%% of the unknown are not\n",
                               name, figures.limit, 100 * figures.kept, 100 * figures.told);
    }
}

/* ---- Plot ---- */

/* How similar known and unknown images are to the images trained on. */
typedef struct {
    const float *known, *unknown; /* similarities of n and of m images */
    guint n, m;
    double limit; /* from which on an image counts as known */
} Similarities;

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

static double lowest_of(const float *similarities, guint n)
{
    double lowest = 1;
    for (guint i = 0; i < n; i++)
        lowest = fmin(lowest, (double)similarities[i]);
    return lowest;
}

static void draw(Canvas *canvas, const CanvasFigure *figure)
{
    const Similarities *of = figure->of;
    const CanvasTheme *theme = canvas_theme(canvas);
    double from = fmin(fmin(lowest_of(of->known, of->n), lowest_of(of->unknown, of->m)), 0.99);
    double shares[2][BINS];
    double most = fmax(count_shares(of->known, of->n, from, shares[0]),
                       count_shares(of->unknown, of->m, from, shares[1]));
    g_autoptr(Axes) axes =
        axes_new(canvas, 0, 0, WIDTH, HEIGHT,
                 &(AxesOptions){.x = {by_similarity, .from = from, .to = 1},
                                .y = {"share of the images", 0, most, .nice = TRUE, .percent = TRUE}});
    draw_steps(axes, shares[0], from, theme->series[0], "known");
    draw_steps(axes, shares[1], from, theme->series[1], "unknown");
    axes_mark(axes, of->limit, theme->soft, "known from here on");
}

/* ---- JSON and the report ---- */

typedef struct {
    const char *by[2];
    Separation separations[2];
} Separations;

static void describe(Row *row, gconstpointer of, guint line)
{
    const Separations *lines = of;
    row_text(row, NULL, "by", lines->by[line]);
    row_number(row, "auroc", "AUROC", lines->separations[line].auroc, 3);
    row_share(row, "told", "unknown told", lines->separations[line].told);
}

json_t *unknown_json(const Evaluation *evaluation)
{
    const Comparison *comparison = evaluation->comparison;
    if (!comparison->unknown)
        return json_null();
    UnknownFigures figures = unknown_measure(evaluation);
    const Separations lines = {.separations = {figures.score, figures.similarity}};
    Row row = {.object = json_object()};
    row_count(&row, "images", NULL, comparison->unknown->list->items->len);
    row_value(&row, "score", row_json(describe, &lines, 0));
    if (!evaluation->known.similarities)
        return row.object;
    row_value(&row, "similarity", row_json(describe, &lines, 1));
    row_share(&row, "limit", NULL, figures.limit);
    row_share(&row, "kept", NULL, figures.kept);
    row_share(&row, "told", NULL, figures.told);
    return row.object;
}

static void append_model(Report *report, Evaluation *evaluation)
{
    const Comparison *comparison = report->comparison;
    UnknownFigures figures = unknown_measure(evaluation);
    const Separations lines = {{by_score(evaluation), by_similarity}, {figures.score, figures.similarity}};
    const Similarities of = {evaluation->known.similarities, evaluation->unknown.similarities, comparison->n,
                             comparison->unknown->list->items->len, figures.limit};
    const CanvasFigure figure = {.width = WIDTH, .height = HEIGHT, .draw = draw, .of = &of};
    rows_table(report->page, "fold", "How well unknown images are told", describe, &lines,
               evaluation->known.similarities ? 2 : 1);
    if (!evaluation->known.similarities) {
        report_missing(report, "It keeps no images trained on; train a head on a cache again.");
        return;
    }
    g_string_append_printf(report->page,
                           "<p>Known from a similarity of %.4f on: %.1f %% of the known are, and %.1f %% of "
                           "the unknown are not.</p>",
                           figures.limit, 100 * figures.kept, 100 * figures.told);
    g_autofree char *alt = g_strdup_printf("Similarities of known and unknown images, %s", evaluation->name);
    report_figure(report, figure, CANVAS_SVG, alt);
}

void section_unknown(Report *report)
{
    const TestImages *unknown = report->comparison->unknown;
    guint n = unknown ? unknown->list->items->len : 0;
    GString *page = report->page;
    if (!unknown)
        return;
    g_string_append_printf(page, "<p>%u %s of none of the classes, from ", n, plural(n, "image", "images"));
    html_add(page, "<code>", unknown->list->root, "</code>", NULL);
    g_string_append_printf(
        page,
        ", against those evaluated. Told: below the highest limit that %g&nbsp;%% of the known "
        "reach.</p>\n",
        100 * METRICS_KEPT);
    report_models(report, append_model);
}
