/* report_json: see report_json.h. */
#include "evaluate/report/report_json.h"

#include "common/core/output_file.h"
#include "common/model/calibration.h"
#include "evaluate/report/report_answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVALUATION_VERSION =
        1, /* of schema/evaluation.json; the next where a reader of this one would go wrong */
    MAX_ERRORS = 100,
    MATRIX_CLASSES = 1000, /* of more, the cells that are not zero stand in the place of the matrix */
};

static json_t *texts(const GPtrArray *strings)
{
    json_t *array = json_array();
    for (guint i = 0; i < strings->len; i++)
        json_array_append_new(array, cli_json(strings->pdata[i]));
    return array;
}

static void describe_metrics(Row *row, gconstpointer metrics, guint index)
{
    row_metrics(row, ((const ClassMetrics *)metrics)[index]);
}

static json_t *confusion_matrix(const guint *matrix, guint classes)
{
    json_t *rows = json_array();
    for (guint t = 0; t < classes; t++) {
        json_t *row = json_array();
        for (guint p = 0; p < classes; p++)
            json_array_append_new(row, json_integer(matrix[(gsize)t * classes + p]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *confusion_cells(const guint *matrix, guint classes)
{
    json_t *cells = json_array();
    for (gsize i = 0; i < (gsize)classes * classes; i++)
        if (matrix[i])
            json_array_append_new(cells, json_pack("[I, I, I]", (json_int_t)(i / classes),
                                                   (json_int_t)(i % classes), (json_int_t)matrix[i]));
    return cells;
}

static void describe_bin(Row *row, gconstpointer bins, guint index)
{
    const ReliabilityBin *bin = (const ReliabilityBin *)bins + index;
    row_count(row, "count", NULL, bin->count);
    row_share(row, "confidence", NULL, bin->confidence);
    row_share(row, "accuracy", NULL, bin->accuracy);
}

static void describe_mistake(Row *row, gconstpointer of, guint index)
{
    const Evaluation *evaluation = of;
    const Ranked *mistake = &g_array_index(evaluation->mistakes, Ranked, index);
    row_text(row, "path", NULL, evaluation->comparison->items[mistake->image]->key);
    row_text(row, "true", NULL, comparison_label(evaluation->comparison, mistake->image));
    row_text(row, "predicted", NULL, evaluation_answer(evaluation, mistake->image));
    row_number(row, "score", NULL, mistake->score, 3);
}

static void describe_model(Row *row, gconstpointer of, guint index)
{
    const Comparison *comparison = of;
    const Evaluation *evaluation = comparison->evaluations[index];
    const Model *model = evaluation->model;
    guint classes = comparison->classes;
    gboolean small = classes <= MATRIX_CLASSES;
    row_text(row, "model", NULL, evaluation->path);
    row_text(row, "name", NULL, evaluation->name);
    row_text(row, "approach", NULL, model->approach);
    row_text(row, "head", NULL, model->head);
    describe_figures(row, comparison, index);
    row_flag(row, "probabilities", NULL, evaluation->probabilities != NULL, "");
    row_number(row, "temperature", NULL, model->temperature > 0 ? model->temperature : NAN, 3);
    row_value(row, "macro_avg", row_json(describe_metrics, &evaluation->macro, 0));
    row_value(row, "weighted_avg", row_json(describe_metrics, &evaluation->weighted, 0));
    row_value(row, "per_class",
              rows_named(describe_metrics, evaluation->per_class, comparison->names, classes));
    row_value(row, small ? "confusion_matrix" : "confusion_cells",
              (small ? confusion_matrix : confusion_cells)(evaluation->matrix, classes));
    row_value(row, "confused_pairs", rows_json(describe_confused, evaluation, evaluation->confused->len));
    row_value(row, "reliability",
              rows_json(describe_bin, evaluation->bins, evaluation->probabilities ? RELIABILITY_BINS : 0));
    row_value(row, "coverage", coverage_json(evaluation));
    row_value(row, "worst_errors",
              rows_json(describe_mistake, evaluation, MIN(evaluation->mistakes->len, MAX_ERRORS)));
    row_value(row, "leakage", leakage_json(evaluation));
    row_value(row, "unknown", unknown_json(evaluation));
    row_value(row, "slices", slices_json(evaluation));
    row_value(row, "recipe", feature_spec_to_json(model->spec));
    row_value(row, "training", json_incref(model->training));
}

static json_t *verdict_json(const Comparison *comparison)
{
    const Verdict *verdict = &comparison->verdict;
    Row row = {.object = json_object()}, guessing = {.object = json_object()};
    row_text(&guessing, "class", NULL, comparison->names[comparison->frequent]);
    row_share(&guessing, "accuracy", NULL, comparison->guess);
    row_p(&guessing, "p", NULL, verdict->best->guess_p);
    row_text(&row, "best", NULL, verdict->best->name);
    row_value(&row, "guessing", guessing.object);
    row_flag(&row, "beats_guessing", NULL, verdict->beats_guess, "");
    row_text(&row, "weakest_class", NULL, comparison->names[verdict->worst]);
    if (!verdict->second)
        return row.object;
    g_autoptr(GPtrArray) equals = g_ptr_array_new();
    for (guint i = 0; i < verdict->equals->len; i++)
        g_ptr_array_add(equals, ((const Evaluation *)verdict->equals->pdata[i])->name);
    row_text(&row, "second", NULL, verdict->second->name);
    row_share(&row, "ahead", NULL, verdict->ahead);
    row_interval(&row, "ahead_interval", NULL, verdict->ahead_interval);
    row_p(&row, "p", NULL, verdict->test.p);
    row_value(&row, "not_told_apart", texts(equals));
    row_value(&row, "images_needed", verdict->needed ? json_integer(verdict->needed) : json_null());
    return row.object;
}

gboolean report_json_write(const Comparison *comparison, const char *path, GError **error)
{
    const TestImages *images = comparison->images;
    guint groups = comparison->n_groups;
    json_auto_t *root = json_pack(
        "{s:i, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "version", EVALUATION_VERSION, "source",
        cli_json(images->list->root), "images", (json_int_t)images->list->items->len, "groups",
        groups ? json_integer(groups) : json_null(), "classes", texts(images->list->classes), "skipped",
        texts(images->skipped), "models", rows_json(describe_model, comparison, comparison->models),
        "mcnemar", rows_json(describe_pair, comparison->pairs, comparison->pairs->len), "verdict",
        verdict_json(comparison));
    char *dump = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    gboolean written = output_file_write(path, dump, strlen(dump), error);
    free(dump);
    return written;
}
