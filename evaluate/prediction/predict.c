/* predict: see predict.h. */
#include "evaluate/prediction/predict.h"

#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "evaluate/prediction/images.h"
#include "evaluate/prediction/judge.h"

#include <math.h>
#include <string.h>

enum {
    PREDICTION_VERSION = 1 /* of schema/prediction.json */,
    AT_A_TIME = 8 /* images given to the head, so that results appear as the base delivers */
};

typedef struct {
    const char *path;
    const float *scores; /* (L) */
    const guint *order;  /* (L) classes, the best first */
    gboolean accepted;   /* the best score reaches the model's threshold */
    gboolean known;      /* the similarity reaches its limit */
} Answer;

static const char *score_name(const Model *model)
{
    return model_has_probabilities(model) ? "probability" : "margin";
}

static const char *path_of(const Prediction *prediction, guint index)
{
    return ((const DatasetItem *)prediction->images->list->items->pdata[index])->key;
}

/* ---- Output ---- */

/* Higher scores first, ties in order of the classes. */
static gint best_first(gconstpointer a, gconstpointer b, gpointer scores)
{
    guint i = *(const guint *)a, j = *(const guint *)b;
    float p = ((const float *)scores)[i], q = ((const float *)scores)[j];
    return p != q ? (p < q) - (p > q) : (i > j) - (i < j);
}

static void append_text(GString *line, const Prediction *prediction, const Answer *answer)
{
    g_autofree char *shown = cli_printable(answer->path);
    g_string_append_printf(line, "%s:%s", shown,
                           !answer->known      ? " unknown,"
                           : !answer->accepted ? " unsure,"
                                               : "");
    for (guint i = 0; i < prediction->top; i++) {
        g_autofree char *name = cli_printable(prediction->model->classes->pdata[answer->order[i]]);
        g_string_append_printf(line, "%s %s %.4f", i ? "," : "", name, answer->scores[answer->order[i]]);
    }
}

static void append_csv(GString *line, const Prediction *prediction, const Answer *answer)
{
    csv_append(line, answer->path);
    for (guint i = 0; i < prediction->top; i++) {
        csv_append(line, prediction->model->classes->pdata[answer->order[i]]);
        csv_append_float(line, answer->scores[answer->order[i]]);
    }
    if (prediction->judges_score)
        g_string_append(line, answer->accepted ? ",true" : ",false");
    if (prediction->judges_novelty)
        g_string_append(line, answer->known ? ",true" : ",false");
}

static void append_json(GString *line, json_t *object)
{
    char *dump = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    g_string_append(line, dump);
    free(dump);
    json_decref(object);
}

static void append_jsonl(GString *line, const Prediction *prediction, const Answer *answer)
{
    const char *const *names = (const char *const *)prediction->model->classes->pdata;
    json_t *top = json_array();
    for (guint i = 0; i < prediction->top; i++)
        json_array_append_new(top,
                              json_pack("{s:o, s:f}", "class", cli_json(names[answer->order[i]]),
                                        score_name(prediction->model), answer->scores[answer->order[i]]));
    json_t *object =
        json_pack("{s:i, s:o, s:o, s:o}", "version", PREDICTION_VERSION, "path", cli_json(answer->path),
                  "predicted", cli_json(names[answer->order[0]]), "top", top);
    if (prediction->judges_score)
        json_object_set_new(object, "accepted", json_boolean(answer->accepted));
    if (prediction->judges_novelty)
        json_object_set_new(object, "known", json_boolean(answer->known));
    append_json(line, object);
}

gboolean prediction_print(const Prediction *prediction, guint index, const float *scores, float similarity,
                          GError **error)
{
    void (*const append[])(GString *, const Prediction *, const Answer *) = {append_text, append_csv,
                                                                             append_jsonl};
    const Model *model = prediction->model;
    guint classes = model->classes->len;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree guint *order = g_new(guint, classes);
    for (guint c = 0; c < classes; c++)
        order[c] = c;
    qsort_r(order, classes, sizeof *order, best_first, (gpointer)scores);
    const Answer answer = {path_of(prediction, index), scores, order,
                           !prediction->judges_score || (double)scores[order[0]] >= model->threshold,
                           !prediction->judges_novelty || (double)similarity >= model->novelty->limit};
    append[prediction->format](line, prediction, &answer);
    return cli_print(line->str, error);
}

gboolean prediction_header(const Prediction *prediction, GError **error)
{
    if (prediction->format != FORMAT_CSV)
        return TRUE;
    g_autoptr(GString) line = g_string_new("path");
    for (guint i = 1; i <= prediction->top; i++)
        g_string_append_printf(line, ",class_%u,%s_%u", i, score_name(prediction->model), i);
    g_string_append(line, prediction->judges_score ? ",accepted" : "");
    g_string_append(line, prediction->judges_novelty ? ",known" : "");
    return cli_print(line->str, error);
}

/* ---- From vectors to lines ---- */

static gboolean take(Judge *judge, Evaluation *evaluation, guint n, const Judgement *said, GError **error)
{
    gsize classes = evaluation->model->classes->len;
    gboolean good = TRUE;
    model_probabilities(evaluation->model, said->scores, n);
    for (guint i = 0; good && i < n; i++)
        good = prediction_print(judge->user, judge->rows[i], said->scores + i * classes,
                                said->similarities[i], error);
    return good;
}

static gboolean skip(Judge *judge, guint image, const char *reason, GError **error)
{
    Prediction *prediction = judge->user;
    const char *path = path_of(prediction, image);
    prediction->skipped++;
    cli_warn("skipped %s: %s", path, reason);
    if (prediction->format != FORMAT_JSONL)
        return TRUE;
    g_autoptr(GString) line = g_string_new(NULL);
    append_json(line, json_pack("{s:i, s:o, s:o}", "version", PREDICTION_VERSION, "path", cli_json(path),
                                "error", cli_json(reason)));
    return judge_flush(judge, error) && /* output keeps the order of the files */
           cli_print(line->str, error);
}

/* Answers the lines of standard input as they come. */
static gboolean predict_lines(Judge *judge, const FeatureSpec *spec, Dataset *list, GError **error)
{
    enum { AT_ONCE = 256 };
    GError *wrong = NULL;
    g_autoptr(GString) pending = g_string_new(NULL);
    g_autoptr(Pipeline) pipeline =
        images_pipeline(spec, judge->comparison->weights, judge->comparison->thread_pool, error);
    gboolean good = pipeline != NULL;
    while (good && images_lines(pending, AT_ONCE, list, &wrong)) {
        good = judge_list(judge, spec, pipeline, list, error);
        g_ptr_array_set_size(list->items, 0);
    }
    if (wrong)
        g_propagate_error(error, wrong);
    return good && !wrong &&
           (!interrupted() || error_set(error, "interrupted before the end of standard input"));
}

/* Of a cache also those without a label. */
static gboolean list_images(TestImages *images, const Evaluation *evaluation, const char *const *inputs,
                            GError **error)
{
    const ImageChoice choice = {.source = inputs[0]};
    if (!cache_is(choice.source)) {
        images->list = images_list(inputs, error);
        return images->list &&
               (images->list->items->len ||
                error_set(error, "nothing to predict: the folder or list contains no images"));
    }
    if (!test_images_open(images, &choice, TRUE, error))
        return FALSE;
    g_autofree char *clause = model_mismatch(evaluation->model, images->cache->spec, NULL);
    return !clause || error_set(error, "%s: cannot predict the images of %s: %s", evaluation->path,
                                choice.source, clause);
}

Status predict_images(const Options *options, GError **error)
{
    g_autoptr(Comparison) comparison =
        comparison_new(&options->models, (guint)options->common.threads, error);
    if (!comparison)
        return STATUS_FAILED;
    const Model *model = comparison->evaluations[0]->model;
    const char *const *inputs = (const char *const *)options->inputs;
    gboolean lines = inputs[0] && !inputs[1] && g_str_equal(inputs[0], "-");
    TestImages *images = comparison->images = g_new0(TestImages, 1);
    Prediction prediction = {.format = options->format,
                             .model = model,
                             .images = images,
                             .judges_score = model->threshold > 0,
                             .judges_novelty = model->novelty && isfinite(model->novelty->limit),
                             .top = MIN((guint)options->top, model->classes->len)};
    if (!model_has_probabilities(model))
        cli_remark("the scores are decision values, not probabilities, as this model is not calibrated; "
                   "train with --folds 5 to calibrate it");
    Judge judge = {.comparison = comparison,
                   .label = lines ? NULL : "Predicting",
                   .block = AT_A_TIME,
                   .compares = prediction.judges_novelty,
                   .once = TRUE,
                   .user = &prediction,
                   .take = take,
                   .skip = skip};
    if (lines)
        images->list = dataset_new("");
    else if (!list_images(images, comparison->evaluations[0], inputs, error))
        return STATUS_FAILED;
    gboolean done =
        judge_prepare(&judge, lines ? judge.block : images->list->items->len, images->cache, error) &&
        prediction_header(&prediction, error) &&
        (lines ? predict_lines(&judge, model->spec, images->list, error) : judge_run(&judge, images, error));
    return !done ? STATUS_FAILED : prediction.skipped ? STATUS_SKIPPED : STATUS_DONE;
}
