/* unknown: see unknown.h and report_sections.h. */
#include "evaluate/report/unknown.h"

#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/network/scores.h"
#include "common/plot/axes.h"
#include "evaluate/report/html.h"
#include "evaluate/report/report_sections.h"

#include <math.h>
#include <string.h>

/* ---- Figures ---- */

/* (n): the score of the predicted class, which is high where a model is sure. */
static float *best_scores(const Model *model, const float *outputs, guint n)
{
    guint classes = model->classes->len;
    g_autofree float *scores = g_memdup2(outputs, (gsize)n * classes * sizeof *scores);
    float *best = g_new(float, n);
    model_probabilities(model, scores, n);
    for (guint i = 0; i < n; i++) {
        const float *row = scores + (gsize)i * classes;
        best[i] = row[scores_argmax(row, classes)];
    }
    return best;
}

static Separation by_score(const Comparison *comparison, const Evaluation *evaluation)
{
    guint n = comparison_count(comparison), m = comparison->unknown->paths->len;
    g_autofree float *known = best_scores(evaluation->model, evaluation->outputs, n);
    g_autofree float *unknown = best_scores(evaluation->model, evaluation->unknown.outputs, m);
    return metrics_separation(known, n, unknown, m);
}

static Separation by_similarity(const Comparison *comparison, const Evaluation *evaluation)
{
    return metrics_separation(evaluation->similarities, comparison_count(comparison),
                              evaluation->unknown.similarities, comparison->unknown->paths->len);
}

/* The share of n similarities that a limit lets through. */
static double share_known(const float *similarities, guint n, double limit)
{
    guint known = 0;
    for (guint i = 0; i < n; i++)
        known += (double)similarities[i] >= limit;
    return (double)known / n;
}

typedef struct {
    double limit, kept, told; /* the model's, or that for METRICS_KEPT of the images trained on */
} AtLimit;

static AtLimit at_limit(const Comparison *comparison, const Evaluation *evaluation)
{
    const Novelty *novelty = evaluation->model->novelty;
    double limit =
        isfinite(novelty->limit) ? novelty->limit : novelty_limit(novelty->held, novelty->n, METRICS_KEPT);
    return (AtLimit){
        limit, share_known(evaluation->similarities, comparison_count(comparison), limit),
        1 - share_known(evaluation->unknown.similarities, comparison->unknown->paths->len, limit)};
}

/* ---- Text ---- */

static void append_separation(GString *text, const char *name, Separation separation, const char *by)
{
    g_string_append_printf(text, "%s  %.4f  %5.1f %%  by %s\n", name, separation.auroc, 100 * separation.told,
                           by);
}

void unknown_text(GString *text, const Comparison *comparison)
{
    guint m = comparison->unknown->paths->len;
    g_autofree char *source = cli_printable(comparison->unknown->source);
    g_string_append_printf(
        text, "\n%u unknown %s in %s (AUROC; share of them told where %g %% of the known are kept)\n", m,
        plural(m, "image", "images"), source, 100 * METRICS_KEPT);
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        g_autofree char *name = cli_printable(evaluation->name);
        append_separation(text, name, by_score(comparison, evaluation),
                          evaluation->probabilities ? "probability" : "decision value");
        if (!evaluation->similarities) {
            g_string_append_printf(text, "%s keeps no images trained on; train a head on a cache again\n",
                                   name);
            continue;
        }
        AtLimit at = at_limit(comparison, evaluation);
        append_separation(text, name, by_similarity(comparison, evaluation),
                          "similarity to the images trained on");
        g_string_append_printf(text,
                               "%s  known from a similarity of %.4f on: %.1f %% of the known are, and %.1f "
                               "%% of the unknown are not\n",
                               name, at.limit, 100 * at.kept, 100 * at.told);
    }
}

/* ---- JSON ---- */

static json_t *separation_json(Separation separation)
{
    return json_pack("{s:f, s:f}", "auroc", separation.auroc, "told", separation.told);
}

json_t *unknown_json(const Comparison *comparison, const Evaluation *evaluation)
{
    if (!comparison->unknown)
        return json_null();
    json_t *object = json_pack("{s:I, s:o}", "images", (json_int_t)comparison->unknown->paths->len, "score",
                               separation_json(by_score(comparison, evaluation)));
    if (!evaluation->similarities)
        return object;
    AtLimit at = at_limit(comparison, evaluation);
    json_object_set_new(object, "similarity", separation_json(by_similarity(comparison, evaluation)));
    json_object_set_new(object, "limit", json_real(at.limit));
    json_object_set_new(object, "kept", json_real(at.kept));
    json_object_set_new(object, "told", json_real(at.told));
    return object;
}

/* ---- The report ---- */

enum { BINS = 25, WIDTH = 560, HEIGHT = 320 };

typedef struct {
    const Comparison *comparison;
    const Evaluation *evaluation;
} Figure;

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
    double x[2 * BINS + 2], y[2 * BINS + 2] = {0};
    for (int i = 0; i < 2 * BINS; i++)
        y[i + 1] = shares[i / 2];
    for (int i = 0; i < 2 * BINS + 2; i++)
        x[i] = from + i / 2 * (1 - from) / BINS;
    axes_line(axes, x, y, G_N_ELEMENTS(x), color, FALSE, label);
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
    const Comparison *comparison = ((const Figure *)figure->of)->comparison;
    const Evaluation *evaluation = ((const Figure *)figure->of)->evaluation;
    const CanvasTheme *theme = canvas_theme(canvas);
    const float *known = evaluation->similarities, *unknown = evaluation->unknown.similarities;
    guint n = comparison_count(comparison), m = comparison->unknown->paths->len;
    double from = fmin(fmin(lowest_of(known, n), lowest_of(unknown, m)), 0.99);
    double shares[2][BINS];
    double most = fmax(count_shares(known, n, from, shares[0]), count_shares(unknown, m, from, shares[1]));
    Axes *axes = axes_new(canvas, 0, 0, WIDTH, HEIGHT,
                          &(AxesOptions){.x_label = "similarity to the images trained on",
                                         .y_label = "share of the images",
                                         .x_from = from,
                                         .x_to = 1,
                                         .y_to = most,
                                         .y_nice = TRUE,
                                         .y_percent = TRUE});
    draw_steps(axes, shares[0], from, theme->series[0], "known");
    draw_steps(axes, shares[1], from, theme->series[1], "unknown");
    axes_mark(axes, at_limit(comparison, evaluation).limit, theme->soft, "known from here on");
    axes_free(axes);
}

static void append_row(GString *page, const char *by, Separation separation)
{
    g_string_append(page, "<tr>");
    html_element(page, "th", by);
    html_cell(page, "AUROC", "");
    g_string_append_printf(page, "%.3f</td>", separation.auroc);
    html_cell(page, "unknown told", "");
    html_share(page, separation.told);
    g_string_append(page, "</td></tr>\n");
}

static void append_model(const Report *report, const Evaluation *evaluation)
{
    GString *page = report->page;
    const Figure of = {report->comparison, evaluation};
    const CanvasFigure figure = {.width = WIDTH, .height = HEIGHT, .draw = draw, .of = &of};
    html_open_table(page, " class=\"fold\"", "How well unknown images are told");
    g_string_append_printf(
        page,
        "<thead><tr><th scope=\"col\" class=\"text\">by</th><th scope=\"col\">AUROC</th>"
        "<th scope=\"col\">unknown told, if %g&nbsp;%% of the known are kept</th></tr></thead>"
        "<tbody>\n",
        100 * METRICS_KEPT);
    append_row(page, evaluation->probabilities ? "probability" : "decision value",
               by_score(report->comparison, evaluation));
    if (evaluation->similarities)
        append_row(page, "similarity to the images trained on",
                   by_similarity(report->comparison, evaluation));
    html_close_table(page);
    if (!evaluation->similarities) {
        report_missing(report, "It keeps no images trained on; train a head on a cache again.");
        return;
    }
    AtLimit at = at_limit(report->comparison, evaluation);
    g_autofree char *sentence =
        g_strdup_printf("Known from a similarity of %.4f on: %.1f %% of the known are, and %.1f %% of the "
                        "unknown are not.",
                        at.limit, 100 * at.kept, 100 * at.told);
    html_element(page, "p", sentence);
    g_autofree char *alt = g_strdup_printf("Similarities of known and unknown images, %s", evaluation->name);
    report_figure(report, &figure, "svg", alt);
}

void section_unknown(const Report *report)
{
    const Comparison *comparison = report->comparison;
    GString *page = report->page;
    if (!comparison->unknown)
        return;
    guint m = comparison->unknown->paths->len;
    section_open(report, "unknown");
    g_string_append_printf(page, "<p>%u %s of none of the classes, from ", m, plural(m, "image", "images"));
    html_element(page, "code", comparison->unknown->source);
    g_string_append(page, ", against those evaluated.</p>\n");
    for (guint j = 0; j < comparison->evaluations->len; j++) {
        const Evaluation *evaluation = comparison_model(comparison, j);
        html_open_model(page, evaluation->name, report_several(report), report_opens(report, j));
        append_model(report, evaluation);
        html_close_model(page, report_several(report));
    }
    g_string_append(page, "</section>\n");
}
