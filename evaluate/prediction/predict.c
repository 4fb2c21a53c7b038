/* predict: see predict.h. */
#include "evaluate/prediction/predict.h"

#include "common/cli/cli.h"
#include "common/core/csv.h"
#include "common/core/error.h"
#include "evaluate/metrics/evaluation.h"
#include "evaluate/prediction/images.h"
#include "evaluate/prediction/prediction_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 8 }; /* images given to the head at a time, so that results appear as the base delivers */

typedef struct {
    PredictFormat format;
    const Model *model;
    ThreadPool *thread_pool;
    const char *const *files;
    guint top, skipped;
    const char *score_name; /* "probability" or "margin" */
    float *block;           /* (BLOCK, D) */
    guint rows[BLOCK];      /* files in the block */
    guint filled;
} Prediction;

/* ---- Output ---- */

/* Puts the k best classes of an image into order, best first, ties in order of the classes. */
static void best_classes(const float *scores, guint classes, guint *order, guint k)
{
    for (guint i = 0; i < k; i++) {
        int best = -1;
        for (guint c = 0; c < classes; c++) {
            gboolean taken = FALSE;
            for (guint j = 0; j < i; j++)
                taken |= order[j] == c;
            if (!taken && (best < 0 || scores[c] > scores[best]))
                best = (int)c;
        }
        order[i] = (guint)best;
    }
}

static void append_text(GString *line, const Prediction *prediction, const char *path, const float *scores,
                        const guint *order)
{
    g_autofree char *shown = cli_printable(path);
    g_string_append_printf(line, "%s:", shown);
    for (guint i = 0; i < prediction->top; i++) {
        g_autofree char *name = cli_printable(prediction->model->classes->pdata[order[i]]);
        g_string_append_printf(line, "%s %s %.4f", i ? "," : "", name, scores[order[i]]);
    }
}

static void append_csv(GString *line, const Prediction *prediction, const char *path, const float *scores,
                       const guint *order)
{
    csv_append(line, path);
    for (guint i = 0; i < prediction->top; i++) {
        g_string_append_c(line, ',');
        csv_append(line, prediction->model->classes->pdata[order[i]]);
        g_string_append_c(line, ',');
        csv_append_float(line, scores[order[i]]);
    }
}

static json_t *json_text(const char *bytes)
{
    g_autofree char *valid = g_utf8_make_valid(bytes, -1);
    return json_string(valid);
}

static void append_json(GString *line, json_t *object)
{
    char *dump = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    g_string_append(line, dump);
    free(dump);
    json_decref(object);
}

static void append_jsonl(GString *line, const Prediction *prediction, const char *path, const float *scores,
                         const guint *order)
{
    const char *const *names = (const char *const *)prediction->model->classes->pdata;
    json_t *top = json_array();
    for (guint i = 0; i < prediction->top; i++)
        json_array_append_new(top, json_pack("{s:o, s:f}", "class", json_text(names[order[i]]),
                                             prediction->score_name, scores[order[i]]));
    append_json(line, json_pack("{s:o, s:o, s:o}", "path", json_text(path), "predicted",
                                json_text(names[order[0]]), "top", top));
}

static void print_image(const Prediction *prediction, guint index, const float *scores)
{
    void (*const append[])(GString *, const Prediction *, const char *, const float *,
                           const guint *) = {append_text, append_csv, append_jsonl};
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree guint *order = g_new(guint, prediction->top);
    best_classes(scores, prediction->model->classes->len, order, prediction->top);
    append[prediction->format](line, prediction, prediction->files[index], scores, order);
    puts(line->str);
}

static void print_header(const Prediction *prediction)
{
    if (prediction->format != FORMAT_CSV)
        return;
    fputs("path", stdout);
    for (guint i = 1; i <= prediction->top; i++)
        printf(",class_%u,%s_%u", i, prediction->score_name, i);
    putchar('\n');
}

/* ---- From vectors to lines ---- */

static void evaluate_block(Prediction *prediction)
{
    const float *rows[BLOCK];
    guint classes = prediction->model->classes->len;
    gsize features = feature_spec_features(prediction->model->spec);
    g_autofree float *out = g_new(float, BLOCK *classes);
    for (guint i = 0; i < prediction->filled; i++)
        rows[i] = prediction->block + i * features;
    model_predict(prediction->model, prediction->thread_pool, rows, (int)prediction->filled, out);
    model_probabilities(prediction->model, out, prediction->filled);
    for (guint i = 0; i < prediction->filled; i++)
        print_image(prediction, prediction->rows[i], out + i * classes);
    fflush(stdout);
    prediction->filled = 0;
}

static void skip(Prediction *prediction, guint index, const char *reason)
{
    const char *path = prediction->files[index];
    prediction->skipped++;
    cli_warn("skipped %s: %s", path, reason);
    if (prediction->format != FORMAT_JSONL)
        return;
    evaluate_block(prediction); /* output keeps the order of the files */
    g_autoptr(GString) line = g_string_new(NULL);
    append_json(line, json_pack("{s:o, s:o}", "path", json_text(path), "error", json_text(reason)));
    puts(line->str);
}

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Prediction *prediction = user;
    gsize size = feature_spec_features(prediction->model->spec);
    if (!features) {
        skip(prediction, index, reason);
        return TRUE;
    }
    memcpy(prediction->block + prediction->filled * size, features, size * sizeof *features);
    prediction->rows[prediction->filled++] = index;
    if (prediction->filled == BLOCK)
        evaluate_block(prediction);
    return !ferror(stdout) || error_set(error, "cannot write to standard output: %s", g_strerror(errno));
}

static gboolean run(const Options *options, Prediction *prediction, guint n, GError **error)
{
    g_autoptr(Weights) weights = NULL;
    const Model *model = prediction->model;
    const ImagesOwner owner = {options->models[0], "trained", model->spec};
    g_autoptr(GPtrArray) models = g_ptr_array_new();
    g_ptr_array_add(models, (gpointer)prediction->model);
    const PredictionWork work = {models, n, BLOCK, (guint)options->common.threads, NULL};
    if (!prediction_memory_check(&work, error) ||
        !images_weights(options->weights, &owner, 1, &weights, error))
        return FALSE;
    const ImagesOptions images = {"Predicting", model->spec, weights, (guint)options->common.threads};
    print_header(prediction);
    gboolean done = images_run(&images, prediction->files, n, take_vector, prediction, error);
    evaluate_block(prediction);
    return done;
}

Status predict(const Options *options)
{
    GError *error = NULL;
    g_autoptr(Model) model = model_load(options->models[0], &error);
    g_autoptr(GPtrArray) files = model ? images_list((const char *const *)options->inputs, &error) : NULL;
    if (!files)
        return cli_fail(error);
    if (files->len == 0)
        return cli_fail(g_error_new(VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                                    "nothing to predict: the folder or list contains no images"));
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)options->common.threads);
    gboolean probabilities = model->probabilities || model->temperature > 0;
    Prediction prediction = {.format = options->format,
                             .model = model,
                             .thread_pool = thread_pool,
                             .files = (const char *const *)files->pdata,
                             .top = MIN((guint)options->top, model->classes->len),
                             .score_name = probabilities ? "probability" : "margin"};
    if (!probabilities)
        cli_remark("the scores are decision values, not probabilities, as this model is not calibrated; "
                   "train with --folds 5 to calibrate it");
    prediction.block = g_new(float, BLOCK *feature_spec_features(model->spec));
    gboolean done = run(options, &prediction, files->len, &error);
    g_free(prediction.block);
    if (!done)
        return cli_fail(error);
    return prediction.skipped ? STATUS_SKIPPED : STATUS_DONE;
}
