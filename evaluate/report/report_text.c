/* report_text: see report_text.h. */
#include "evaluate/report/report_text.h"

#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "evaluate/report/report_answers.h"
#include "evaluate/report/verdict_lines.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Pads a name with spaces to `width` characters: in front, or behind if left is set. */
static void append_padded(GString *out, const char *name, int width, gboolean left)
{
    g_autofree char *shown = cli_printable(name);
    int space = MAX(width - (int)g_utf8_strlen(shown, -1), 0);
    g_string_append_printf(out, "%*s%s%*s", left ? 0 : space, "", shown, left ? space : 0, "");
}

/* Characters of the longest of n names, as append_padded shows them. */
static int widest(const char *const *names, guint n)
{
    int width = 0;
    for (guint i = 0; i < n; i++) {
        g_autofree char *shown = cli_printable(names[i]);
        width = MAX(width, (int)g_utf8_strlen(shown, -1));
    }
    return width;
}

static void append_metrics(GString *text, const char *name, int width, ClassMetrics f, int digits)
{
    append_padded(text, name, width, FALSE);
    g_string_append_printf(text, "  %9.*f %9.*f %9.*f %9u\n", digits, f.precision, digits, f.recall, digits,
                           f.f1, f.support);
}

void text_report(GString *text, const char *const *names, const guint *matrix, guint classes, int digits)
{
    int width = MAX(widest(names, classes), (int)MAX(strlen("weighted avg"), (gsize)digits));
    ClassMetrics macro, weighted;
    g_autofree ClassMetrics *metrics = g_new(ClassMetrics, classes);
    metrics_per_class(matrix, classes, metrics, &macro, &weighted);
    g_string_append_printf(text, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score",
                           "support");
    for (guint c = 0; c < classes; c++)
        append_metrics(text, names[c], width, metrics[c], digits);
    g_string_append_printf(text, "\n%*s  %9s %9s %9.*f %9u\n", width, "accuracy", "", "", digits,
                           metrics_accuracy(matrix, classes), weighted.support);
    append_metrics(text, "macro avg", width, macro, digits);
    append_metrics(text, "weighted avg", width, weighted, digits);
}

static int digits_of(guint number)
{
    return snprintf(NULL, 0, "%u", number);
}

void text_confusion(GString *text, const char *const *names, const guint *matrix, guint classes)
{
    guint largest = classes - 1;
    for (gsize i = 0; i < (gsize)classes * classes; i++)
        largest = MAX(largest, matrix[i]);
    int index = digits_of(classes - 1), name = widest(names, classes), cell = digits_of(largest) + 1;
    g_string_append_printf(text, "%*s", index + 1 + name, "");
    for (guint p = 0; p < classes; p++)
        g_string_append_printf(text, " %*u", cell, p);
    g_string_append_c(text, '\n');
    for (guint t = 0; t < classes; t++) {
        g_string_append_printf(text, "%*u ", index, t);
        append_padded(text, names[t], name, TRUE);
        for (guint p = 0; p < classes; p++) {
            guint count = matrix[(gsize)t * classes + p];
            g_autofree char *number = count ? g_strdup_printf("%u", count) : g_strdup("·");
            g_string_append_c(text, ' ');
            append_padded(text, number, cell, FALSE);
        }
        g_string_append_c(text, '\n');
    }
}

/* Up to `max` of the most confused pairs, one line each; nothing if there are none. */
static void text_confused_pairs(GString *text, const char *const *names, const GArray *pairs, guint max)
{
    for (guint i = 0; i < MIN(pairs->len, max); i++) {
        const ConfusedPair *pair = &g_array_index(pairs, ConfusedPair, i);
        text_print(text, "%6u  %4.1f %% of %s predicted as %s\n", pair->count, 100 * pair->share,
                   names[pair->truth], names[pair->predicted]);
    }
}

/* ---- Models side by side ---- */

static char *figure(double value)
{
    return isnan(value) ? g_strdup("-") : g_strdup_printf("%.4f", value);
}

/* One line per model: accuracy with its interval, top-k, macro F1, log loss and calibration error ("-"
 * where outputs are decision values). */
static void text_table(GString *text, const Comparison *comparison)
{
    int width = (int)strlen("model");
    gboolean has_top = comparison->k < comparison->classes;
    for (guint i = 0; i < comparison->models; i++)
        width = MAX(width, widest((const char *const *)&comparison->evaluations[i]->name, 1));
    append_padded(text, "model", width, TRUE);
    g_string_append(text, "  accuracy  95 % interval   ");
    if (has_top)
        g_string_append_printf(text, "%*stop-%u", comparison->k < 10 ? 3 : 2, "", comparison->k);
    g_string_append(text, "  macro F1  log loss  calibration error\n");
    for (guint i = 0; i < comparison->models; i++) {
        const Evaluation *evaluation = comparison->evaluations[i];
        g_autofree char *loss = figure(evaluation->log_loss), *error = figure(evaluation->calibration_error);
        append_padded(text, evaluation->name, width, TRUE);
        g_string_append_printf(text, "    %.4f  %.4f to %.4f", evaluation->accuracy, evaluation->interval.low,
                               evaluation->interval.high);
        if (has_top)
            g_string_append_printf(text, "  %.4f", evaluation->top_k);
        g_string_append_printf(text, "    %.4f  %8s  %17s\n", evaluation->macro.f1, loss, error);
    }
}

/* McNemar's exact test for each pair of models, one line each; nothing for a single model. */
static void text_mcnemar(GString *text, const Comparison *comparison)
{
    for (guint i = 0; i < comparison->pairs->len; i++) {
        const ModelPair *pair = &g_array_index(comparison->pairs, ModelPair, i);
        text_print(text, "only %s right: %u, only %s right: %u, p = %.3g%s\n", pair->first->name,
                   pair->test.first_only, pair->second->name, pair->test.second_only, pair->test.p,
                   pair->test.p < VERDICT_LEVEL ? "" : " (not significant at 5 %)");
    }
}

static void append_model(GString *text, const Evaluation *evaluation, int digits)
{
    enum { SHOWN_CLASSES = 40, SHOWN_PAIRS = 10 };
    const Comparison *comparison = evaluation->comparison;
    const char *const *names = comparison->names;
    guint classes = comparison->classes;
    text_print(text, "== %s: %s, %s head ==\n\n", evaluation->path, evaluation->model->approach,
               evaluation->model->head);
    text_report(text, names, evaluation->matrix, classes, digits);
    g_string_append(text, "\nConfusion matrix (true classes on rows, predicted on columns)\n");
    if (classes <= SHOWN_CLASSES)
        text_confusion(text, names, evaluation->matrix, classes);
    else
        g_string_append_printf(text, "of %u classes: see --confusion, --report or --json\n", classes);
    if (evaluation->right < comparison->n && classes > 2) {
        g_string_append(text, "\nMost confused\n");
        text_confused_pairs(text, names, evaluation->confused, SHOWN_PAIRS);
    }
    g_string_append_c(text, '\n');
}

static void append_verdict(GString *text, const Comparison *comparison, gboolean timing)
{
    enum { INDENT = 18 };
    g_string_append(text, "\nIn short\n");
    for (guint i = 0; i < VERDICT_LINES; i++) {
        const char *question;
        g_autofree char *answer = verdict_line(comparison, timing, i, &question);
        if (!answer)
            continue;
        g_autoptr(GString) plain = g_string_new(NULL);
        text_prose(plain, answer);
        g_string_append_printf(text, "%-*s", INDENT, question);
        cli_wrap(text, plain->str, INDENT, INDENT, cli_text_width());
    }
}

void text_comparison(GString *text, const Comparison *comparison, const Style *style, gboolean coverage)
{
    for (guint i = 0; i < comparison->models; i++)
        append_model(text, comparison->evaluations[i], (int)style->digits);
    text_print(text, "%u %s of %u %s in %s", comparison->n, plural(comparison->n, "image", "images"),
               comparison->classes, plural(comparison->classes, "class", "classes"),
               comparison->images->list->root);
    if (comparison->images->skipped->len)
        g_string_append_printf(text, ", %u skipped", comparison->images->skipped->len);
    g_string_append(text, "\n\n");
    text_table(text, comparison);
    if (comparison->units)
        g_string_append_printf(text,
                               "The intervals are over %u groups, as the images of a group are not "
                               "independent (cluster bootstrap).\n",
                               comparison->n_groups);
    if (comparison->models > 1) {
        g_string_append_printf(
            text,
            comparison->units ? "\nExact test of signs%s (p: probability of a difference at least this large "
                                "if both models were equally good)\n"
                              : "\nMcNemar's exact test%s (p: probability of a split at least this uneven if "
                                "both models were equally good)\n",
            comparison->over);
        text_mcnemar(text, comparison);
    }
    append_verdict(text, comparison, style->timing);
    leakage_text(text, comparison);
    if (coverage)
        coverage_report_text(text, comparison);
    slices_text(text, comparison);
    unknown_text(text, comparison);
}
