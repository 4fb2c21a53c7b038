#include "evaluate/options.h"

#include "common/arithmetic/blas.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/plot/canvas.h"
#include "evaluate/prediction/evaluation_run.h"
#include "evaluate/report/confusion.h"

#include <string.h>

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

static Options o = {
    .top = 5, .digits = 2, .normalize = "none", .format_name = "text", .common = CLI_COMMON_DEFAULTS};

static const CliOption table[] = {
    {CLI_HEADING, "Figures", 0, NULL, NULL, NULL, 0, 0},
    {CLI_INT, "top", 0, &o.top, "K",
     "also count an answer right among the K likeliest; with --predict, list K", 1, 1e6},
    {CLI_INT, "digits", 0, &o.digits, "N", "digits after the point in the table of classes", 1, 12},
    {CLI_TEXT, "json", 0, &o.json, "FILE", "write all figures as JSON", 0, 0},
    {CLI_TEXT, "predictions", 0, &o.predictions, "FILE.csv",
     "write path, true and predicted class and each class's probability (or margin); several models: one "
     "file each",
     0, 0},
    {CLI_TEXT, "history", 0, &o.history, "A.csv,B.csv,…",
     "what train --history wrote for each model, in their order (nothing between commas: none), to tell the "
     "time of "
     "training",
     0, 0},
    {CLI_FLAG, "timing", 0, &o.timing, NULL,
     "tell how long a prediction takes; text and report then differ from run to run", 0, 0},
    {CLI_HEADING, "Pictures and report", 0, NULL, NULL, NULL, 0, 0},
    {CLI_TEXT, "confusion", 0, &o.confusion, "FILE", "draw the confusion matrices (.png, .svg or .pdf)", 0,
     0},
    {CLI_CHOICE, "normalize", 0, &o.normalize, CONFUSION_CHOICES,
     "cells of the picture: counts, or shares of the true class, the predicted class, or all images", 0, 0},
    {CLI_TEXT, "title", 0, &o.title, "TEXT", "common title of the pictures and the report", 0, 0},
    {CLI_TEXT, "reliability", 0, &o.reliability, "FILE", "draw reliability diagrams (.png, .svg or .pdf)", 0,
     0},
    {CLI_TEXT, "scatter", 0, &o.scatter, "FILE",
     "draw a cache's images by their first two principal components, by class, mistakes marked (.png, .svg "
     "or .pdf)",
     0, 0},
    {CLI_TEXT, "report", 0, &o.report, "DIR",
     "write DIR/index.html: all of it on one page that needs no network", 0, 0},
    {CLI_TEXT, "images", 0, &o.images, "DIR", "where the images of a cache lie, for the report's thumbnails",
     0, 0},
    {CLI_TEXT, "trained-on", 0, &o.trained_on, "CACHE",
     "tell which images of a test cache have the content of an image in CACHE, and the accuracy without them",
     0, 0},
    {CLI_HEADING, "Images instead of a cache", 0, NULL, NULL, NULL, 0, 0},
    {CLI_TEXT, "weights", 0, &o.weights, "FILE",
     "base weights the models were trained with, or random[:SEED] (default: the models' own seed, where "
     "they have one)",
     0, 0},
    {CLI_TEXT, "classes", 0, &o.classes, "A,B,…", "only these classes of an image folder", 0, 0},
    {CLI_INT, "first-classes", 0, &o.first_classes, "N", "only the first N classes (0: all)", 0, 1e9},
    {CLI_TEXT, "list", 0, &o.list, "FILE", "only the images listed in FILE, one class/name a line", 0, 0},
    {CLI_INT, "limit-per-class", 0, &o.limit_per_class, "N", "only the first N images of each class (0: all)",
     0, 1e9},
    {CLI_HEADING, "Prediction", 0, NULL, NULL, NULL, 0, 0},
    {CLI_FLAG, "predict", 'p', &o.predict, NULL, "tell the classes of new images by one model", 0, 0},
    {CLI_CHOICE, "format", 0, &o.format_name, "text|csv|jsonl", "of the predictions on standard output", 0,
     0},
    CLI_COMMON_OPTIONS(&o.common),
    {0}};

static const CliProgram program = {
    "evaluate",   "how good models are, where they fail, and what they say about a picture",
    synopsis,     description,
    table,        examples,
    blas_describe};

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

static gboolean check_predict(Status *status)
{
    const char *const files[] = {o.trained_on, o.confusion, o.reliability, o.scatter,
                                 o.report,     o.history,   o.json,        o.predictions};
    const char *const names[] = {"trained-on", "confusion", "reliability", "scatter",
                                 "report",     "history",   "json",        "predictions"};
    for (guint i = 0; i < G_N_ELEMENTS(files); i++)
        if (files[i]) {
            *status = cli_usage(&program, "--%s needs labelled images; --predict has none%s", names[i],
                                i >= 6 ? " (choose the output by --format)" : "");
            return FALSE;
        }
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
    if (o.scatter && !evaluation_source_is_cache(o.source)) {
        *status =
            cli_usage(&program, "--scatter draws what a cache holds; make one of %s by extract", o.source);
        return FALSE;
    }
    if (o.trained_on && !evaluation_source_is_cache(o.source)) {
        *status = cli_usage(&program, "--trained-on compares caches; make one of %s by extract", o.source);
        return FALSE;
    }
    const char *const folder_only[] = {o.weights, o.classes, o.list};
    const char *const names[] = {"weights", "classes", "list"};
    for (guint i = 0; i < G_N_ELEMENTS(folder_only); i++)
        if (folder_only[i] && evaluation_source_is_cache(o.source)) {
            *status =
                cli_usage(&program, "--%s is for a folder of images; %s is a cache", names[i], o.source);
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
    return o.predict ? check_predict(status) : check_source(status);
}

const Options *options_parse(int argc, char **argv, Status *status)
{
    const char *const formats[] = {"text", "csv", "jsonl"};
    o.arguments = cli_parse(&program, &o.common, argc, argv, status);
    if (!o.arguments)
        return NULL;
    if (!check(status)) {
        options_free();
        return NULL;
    }
    for (guint f = 0; f < G_N_ELEMENTS(formats); f++)
        if (strcmp(o.format_name, formats[f]) == 0)
            o.format = (PredictFormat)f;
    return &o;
}

void options_free(void)
{
    g_clear_pointer(&o.arguments, g_strfreev);
}
