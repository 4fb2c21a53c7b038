#include "evaluate/options.h"

#include "common/arithmetic/blas.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/plot/canvas.h"
#include "evaluate/prediction/evaluation_run.h"
#include "evaluate/report/confusion.h"

static const char *const synopsis[] = {"[OPTION…] CACHE|IMAGE_DIR MODEL…", "[OPTION…] --predict MODEL IMAGE…",
                                       NULL};

static const char description[] =
    "Tells how good models are on labelled images: accuracy with its 95 % interval, precision, recall and F1 "
    "of each class, "
    "confusion matrix, and, for several models, McNemar's exact test of each pair. The images come from a "
    "cache that extract "
    "made, or from a folder with one folder a class, which goes through the base again.\n\n"
    "With --predict, tells the classes of new images: files, folders, or - for a list on standard input. "
    "They go through the "
    "preprocessing the model was trained with. Figures are called probabilities where they are: those of a "
    "softmax, or "
    "calibrated ones; otherwise they are margins (decision values).";

static const CliExample examples[] = {
    {"evaluate test.cache dense.h5 linear.h5 --confusion matrix.png", "compare two models on one cache"},
    {"evaluate test.cache dense.h5 --images food-101/images --report report",
     "a report to open in a browser"},
    {"evaluate --predict dense.h5 --weights vgg16_notop.h5 photo.jpg holidays/", "what is on these pictures"},
    {NULL, NULL}};

static Options o = {.top = 5, .digits = 2, .common = CLI_COMMON_DEFAULTS};

/* What is judged or predicted, each with the options that it uses. */
typedef enum { EVALUATE_CACHE, EVALUATE_FOLDER, EVALUATE_PREDICT } EvaluateMode;

static const CliMode modes[] = {
    [EVALUATE_CACHE] = {"CACHE", "evaluating on a CACHE", "how good models are on a cache's images"},
    [EVALUATE_FOLDER] = {"IMAGE_DIR", "evaluating on an IMAGE_DIR", "how good they are on a folder's images"},
    [EVALUATE_PREDICT] = {"--predict", "--predict", "the classes of new images"},
    {NULL, NULL, NULL},
};

static const CliOption table[] = {
    {CLI_HEADING, "Figures", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_INT, "top", 0, &o.top, "K",
     "also count an answer as right if it is among the K most probable; with --predict, list K", 1, 1e6, 0},
    {CLI_INT, "digits", 0, &o.digits, "N", "digits after the point in the table of classes", 1, 12,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "json", 0, &o.json, "FILE", "write all figures as JSON", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "predictions", 0, &o.predictions, "FILE.csv",
     "write path, true and predicted class and each class's probability (or margin); several models: one "
     "file each",
     0, 0, CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "history", 0, &o.history, "A.csv,B.csv,…",
     "what train --history wrote for each model, in their order (nothing between commas: none), to tell the "
     "time of "
     "training",
     0, 0, CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_FLAG, "timing", 0, &o.timing, NULL,
     "tell how long a prediction takes; text and report then differ from run to run", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_HEADING, "Pictures and report", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_TEXT, "confusion", 0, &o.confusion, "FILE", "draw the confusion matrices (.png, .svg or .pdf)", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_ONE_OF, "normalize", 0, &o.cells, CONFUSION_CHOICES,
     "cells of the picture: counts, or shares of the true class, the predicted class, or all images", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "title", 0, &o.title, "TEXT", "common title of the pictures and the report", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "reliability", 0, &o.reliability, "FILE", "draw reliability diagrams (.png, .svg or .pdf)", 0,
     0, CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "scatter", 0, &o.scatter, "FILE",
     "draw a cache's images by their first two principal components, by class, mistakes marked (.png, .svg "
     "or .pdf)",
     0, 0, CLI_MODE(EVALUATE_CACHE)},
    {CLI_TEXT, "report", 0, &o.report, "DIR",
     "write DIR/index.html: all of it on one page that needs no network", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "images", 0, &o.images, "DIR", "where the images of a cache lie, for the report's thumbnails",
     0, 0, CLI_MODE(EVALUATE_CACHE)},
    {CLI_TEXT, "trained-on", 0, &o.trained_on, "CACHE",
     "tell which images of a test cache have the content of an image in CACHE, and the accuracy without them",
     0, 0, CLI_MODE(EVALUATE_CACHE)},
    {CLI_HEADING, "Images instead of a cache", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_TEXT, "weights", 0, &o.weights, "FILE",
     "base weights the models were trained with, or random[:SEED] (default: the models' own seed, where "
     "they have one)",
     0, 0, CLI_MODE(EVALUATE_FOLDER) | CLI_MODE(EVALUATE_PREDICT)},
    DATASET_OPTIONS(&o.filter, CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)),
    {CLI_HEADING, "Prediction", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_FLAG, "predict", 'p', &o.predict, NULL, "tell the classes of new images by one model", 0, 0,
     CLI_MODE(EVALUATE_PREDICT)},
    {CLI_ONE_OF, "format", 0, &o.format, FORMAT_CHOICES, "of the predictions on standard output", 0, 0,
     CLI_MODE(EVALUATE_PREDICT)},
    CLI_COMMON_OPTIONS(&o.common),
    {0}};

static const CliProgram program = {
    "evaluate",    "how good models are, where they fail, and what they say about a picture",
    synopsis,      description,
    table,         examples,
    blas_describe, modes};

/* ---- Checks: each returns FALSE where the command line was refused in a sentence ---- */

static gboolean take_arguments(Status *status)
{
    guint n = g_strv_length(o.arguments);
    if (n < 2) {
        *status = o.predict
                      ? cli_usage(&program, "--predict takes a model and at least one image, folder or -")
                      : cli_usage(&program, "a cache or image folder and at least one model are needed");
        return FALSE;
    }
    o.source = o.predict ? NULL : o.arguments[0];
    o.models = o.arguments + (o.predict ? 0 : 1);
    o.n_models = o.predict ? 1 : n - 1;
    o.inputs = o.arguments + 1;
    return TRUE;
}

static gboolean check_source(Status *status)
{
    if (!g_file_test(o.source, G_FILE_TEST_IS_DIR)) {
        *status = cli_fail(
            g_error_new(VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                        "%s: is neither a cache nor a folder of images; make a cache by extract", o.source));
        return FALSE;
    }
    return TRUE;
}

static gboolean check(Status *status)
{
    g_autoptr(GError) error = NULL;
    if (!take_arguments(status))
        return FALSE;
    if ((o.confusion && !canvas_path_ok(o.confusion, &error)) ||
        (o.reliability && !canvas_path_ok(o.reliability, &error)) ||
        (o.scatter && !canvas_path_ok(o.scatter, &error))) {
        *status = cli_usage(&program, "%s", error->message);
        return FALSE;
    }
    if (!o.predict && !check_source(status))
        return FALSE;
    EvaluateMode mode = o.predict                              ? EVALUATE_PREDICT
                        : evaluation_source_is_cache(o.source) ? EVALUATE_CACHE
                                                               : EVALUATE_FOLDER;
    if (!cli_check_mode(&program, mode, status))
        return FALSE;
    if (o.filter.classes && o.filter.first_classes) {
        *status = cli_usage(&program, "--classes and --first-classes exclude one another");
        return FALSE;
    }
    return TRUE;
}

const Options *options_parse(int argc, char **argv, Status *status)
{
    o.arguments = cli_parse(&program, &o.common, argc, argv, status);
    if (!o.arguments)
        return NULL;
    if (!check(status)) {
        options_free();
        return NULL;
    }
    return &o;
}

void options_free(void)
{
    g_clear_pointer(&o.arguments, g_strfreev);
}
