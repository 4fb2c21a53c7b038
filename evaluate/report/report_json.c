/* report_json: see report_json.h. */
#include "evaluate/report/report_json.h"

#include "common/core/output_file.h"
#include "common/model/calibration.h"
#include "evaluate/metrics/verdict.h"
#include "evaluate/report/report_coverage.h"
#include "evaluate/report/report_leakage.h"
#include "evaluate/report/report_slices.h"
#include "evaluate/report/unknown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVALUATION_VERSION =
        1, /* of schema/evaluation.json; the next where a reader of this one would go wrong */
    MAX_ERRORS = 100,
    MATRIX_CLASSES = 1000, /* of more, the cells that are not zero stand in the place of the matrix */
};

/* Paths may be any bytes; JSON is UTF-8. */
static json_t *text(const char *bytes)
{
    g_autofree char *valid = g_utf8_make_valid(bytes, -1);
    return json_string(valid);
}

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *texts(const GPtrArray *strings)
{
    json_t *array = json_array();
    for (guint i = 0; i < strings->len; i++)
        json_array_append_new(array, text(strings->pdata[i]));
    return array;
}

static json_t *class_metrics(ClassMetrics f)
{
    return json_pack("{s:f, s:f, s:f, s:I}", "precision", f.precision, "recall", f.recall, "f1-score", f.f1,
                     "support", (json_int_t)f.support);
}

static json_t *per_class(const Comparison *comparison, const Evaluation *evaluation)
{
    json_t *object = json_object();
    for (guint c = 0; c < comparison_classes(comparison); c++) {
        g_autofree char *name = g_utf8_make_valid(comparison->images->classes->pdata[c], -1);
        json_object_set_new(object, name, class_metrics(evaluation->per_class[c]));
    }
    return object;
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

static json_t *confused_pairs(const Comparison *comparison, const Evaluation *evaluation)
{
    const char *const *names = test_images_class_names(comparison->images);
    json_t *array = json_array();
    g_autoptr(GArray) pairs = metrics_confused_pairs(evaluation->matrix, comparison_classes(comparison));
    for (guint i = 0; i < pairs->len; i++) {
        const ConfusedPair *pair = &g_array_index(pairs, ConfusedPair, i);
        json_array_append_new(array, json_pack("{s:o, s:o, s:I, s:f}", "true", text(names[pair->truth]),
                                               "predicted", text(names[pair->predicted]), "count",
                                               (json_int_t)pair->count, "share", pair->share));
    }
    return array;
}

static json_t *reliability(const Evaluation *evaluation)
{
    json_t *array = json_array();
    for (guint b = 0; evaluation->probabilities && b < RELIABILITY_BINS; b++) {
        const ReliabilityBin *bin = &evaluation->bins[b];
        json_array_append_new(array, json_pack("{s:I, s:f, s:f}", "count", (json_int_t)bin->count,
                                               "confidence", bin->confidence, "accuracy", bin->accuracy));
    }
    return array;
}

static json_t *worst_errors(const Comparison *comparison, const Evaluation *evaluation)
{
    const TestImages *images = comparison->images;
    const char *const *names = test_images_class_names(images);
    json_t *array = json_array();
    g_autoptr(GArray) mistakes = evaluation_mistakes(comparison, evaluation);
    for (guint i = 0; i < MIN(mistakes->len, MAX_ERRORS); i++) {
        const Mistake *mistake = &g_array_index(mistakes, Mistake, i);
        guint at = mistake->index;
        json_array_append_new(array,
                              json_pack("{s:o, s:o, s:o, s:f}", "path", text(images->paths->pdata[at]),
                                        "true", text(names[test_images_labels(images)[at]]), "predicted",
                                        text(names[evaluation->predicted[at]]), "score", mistake->score));
    }
    return array;
}

static json_t *model_json(const Comparison *comparison, const Evaluation *evaluation)
{
    const Model *model = evaluation->model;
    guint classes = comparison_classes(comparison);
    json_t *object =
        json_pack("{s:o, s:o, s:s, s:s, s:f, s:[f,f], s:f, s:I}", "model", text(evaluation->path), "name",
                  text(evaluation->name), "approach", model->approach, "head", model->head, "accuracy",
                  evaluation->accuracy, "accuracy_interval", evaluation->interval.low,
                  evaluation->interval.high, "top_k", evaluation->top_k, "k", (json_int_t)comparison->k);
    json_object_set_new(object, "log_loss", number_or_null(evaluation->log_loss));
    json_object_set_new(object, "calibration_error", number_or_null(evaluation->calibration_error));
    json_object_set_new(object, "probabilities", json_boolean(evaluation->probabilities != NULL));
    json_object_set_new(object, "temperature",
                        model->temperature > 0 ? json_real(model->temperature) : json_null());
    json_object_set_new(object, "macro_avg", class_metrics(evaluation->macro));
    json_object_set_new(object, "weighted_avg", class_metrics(evaluation->weighted));
    json_object_set_new(object, "per_class", per_class(comparison, evaluation));
    if (classes <= MATRIX_CLASSES)
        json_object_set_new(object, "confusion_matrix", confusion_matrix(evaluation->matrix, classes));
    else
        json_object_set_new(object, "confusion_cells", confusion_cells(evaluation->matrix, classes));
    json_object_set_new(object, "confused_pairs", confused_pairs(comparison, evaluation));
    json_object_set_new(object, "reliability", reliability(evaluation));
    json_object_set_new(object, "coverage", coverage_json(comparison, evaluation));
    json_object_set_new(object, "worst_errors", worst_errors(comparison, evaluation));
    json_object_set_new(object, "leakage", leakage_json(comparison, evaluation));
    json_object_set_new(object, "unknown", unknown_json(comparison, evaluation));
    json_object_set_new(object, "slices", slices_json(comparison, evaluation));
    json_object_set_new(object, "recipe", feature_spec_to_json(model->spec));
    json_object_set(object, "training", model->training);
    return object;
}

static json_t *mcnemar(const Comparison *comparison)
{
    json_t *array = json_array();
    for (guint i = 0; i < comparison->evaluations->len; i++)
        for (guint j = i + 1; j < comparison->evaluations->len; j++) {
            const Evaluation *first = comparison_model(comparison, i),
                             *second = comparison_model(comparison, j);
            McNemar test = comparison_test(comparison, i, j);
            json_array_append_new(array,
                                  json_pack("{s:o, s:o, s:I, s:I, s:f}", "first", text(first->name), "second",
                                            text(second->name), "first_only", (json_int_t)test.first_only,
                                            "second_only", (json_int_t)test.second_only, "p", test.p));
        }
    return array;
}

static json_t *verdict_json(const Comparison *comparison)
{
    g_autoptr(Verdict) verdict = verdict_new(comparison);
    const char *const *names = test_images_class_names(comparison->images);
    json_t *object = json_pack("{s:o, s:{s:o, s:f, s:f}, s:b, s:o}", "best",
                               text(comparison_model(comparison, verdict->best)->name), "guessing", "class",
                               text(names[comparison->frequent]), "accuracy", comparison->guess, "p",
                               comparison_model(comparison, verdict->best)->guess_p, "beats_guessing",
                               verdict->beats_guess, "weakest_class", text(names[verdict->worst]));
    if (verdict->second == verdict->best)
        return object;
    json_t *equals = json_array();
    for (guint i = 0; i < verdict->equals->len; i++)
        json_array_append_new(
            equals, text(comparison_model(comparison, g_array_index(verdict->equals, guint, i))->name));
    json_object_set_new(object, "second", text(comparison_model(comparison, verdict->second)->name));
    json_object_set_new(object, "ahead", json_real(verdict->ahead));
    json_object_set_new(object, "ahead_interval",
                        json_pack("[f,f]", verdict->ahead_interval.low, verdict->ahead_interval.high));
    json_object_set_new(object, "p", json_real(verdict->test.p));
    json_object_set_new(object, "not_told_apart", equals);
    json_object_set_new(object, "images_needed",
                        verdict->needed ? json_integer(verdict->needed) : json_null());
    return object;
}

gboolean report_json_write(const Comparison *comparison, const char *path, GError **error)
{
    const TestImages *images = comparison->images;
    json_auto_t *root = json_object();
    json_t *models = json_array();
    json_object_set_new(root, "version", json_integer(EVALUATION_VERSION));
    json_object_set_new(root, "source", text(images->source));
    json_object_set_new(root, "images", json_integer(images->paths->len));
    json_object_set_new(root, "groups",
                        comparison->n_groups ? json_integer(comparison->n_groups) : json_null());
    json_object_set_new(root, "classes", texts(images->classes));
    json_object_set_new(root, "skipped", texts(images->skipped));
    json_object_set_new(root, "models", models);
    for (guint j = 0; j < comparison->evaluations->len; j++)
        json_array_append_new(models, model_json(comparison, comparison_model(comparison, j)));
    json_object_set_new(root, "mcnemar", mcnemar(comparison));
    json_object_set_new(root, "verdict", verdict_json(comparison));
    char *dump = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    gboolean written = output_file_write(path, dump, strlen(dump), error);
    free(dump);
    return written;
}
