#include "evaluate/options.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/plot/canvas.h"
#include "evaluate/prediction/evaluation_run.h"
#include "evaluate/report/confusion.h"

static const char *const synopsis[] = {
    "[OPTION…] CACHE|IMAGE_DIR MODEL…",
    "[OPTION…] --predict MODEL IMAGE…",
    "[OPTION…] --similar K IMAGE… CACHE",
    NULL,
};

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
    "calibrated ones; otherwise they are margins (decision values).\n\n"
    "With --similar, finds the K images of a cache that are most like each new image, by the cosine of their "
    "features; every image of the cache is compared. New images go through the preprocessing and the base "
    "that the cache was made with. An image that is in the cache itself, by its content, is not its own "
    "neighbour.";

static const CliExample examples[] = {
    {"evaluate test.cache dense.h5 linear.h5 --confusion matrix.png", "compare two models on one cache"},
    {"evaluate test.cache dense.h5 --images food-101/images --report report",
     "a report to open in a browser"},
    {"evaluate --predict dense.h5 --weights vgg16_notop.h5 photo.jpg holidays/", "what is on these pictures"},
    {"evaluate --similar 5 --weights vgg16_notop.h5 photo.jpg photos.cache",
     "which images are like this one"},
    {NULL, NULL}};

static Options o = {.top = 5, .digits = 2, .similarity = COSINES_ALIKE, .common = CLI_COMMON_DEFAULTS};

static gboolean predict;

static const CliMode modes[] = {
    [EVALUATE_CACHE] = {"CACHE", "evaluating on a CACHE", "how good models are on a cache's images"},
    [EVALUATE_FOLDER] = {"IMAGE_DIR", "evaluating on an IMAGE_DIR", "how good they are on a folder's images"},
    [EVALUATE_PREDICT] = {"--predict", "--predict", "the classes of new images"},
    [EVALUATE_SIMILAR] = {"--similar", "--similar", "the images of a cache that are like new ones"},
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
    {CLI_TEXT, "explain", 0, &o.explain, "DIR",
     "draw which places of an image speak for its class, and which against it, for the surest mistakes, the "
     "least "
     "sure images and a sample: DIR/index.html, a picture of each, maps.csv; for heads on 7x7x512 features",
     0, 0, CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER)},
    {CLI_TEXT, "images", 0, &o.images, "DIR",
     "where the images of a cache lie, for the report's thumbnails, --explain and --sheet", 0, 0,
     CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_SIMILAR)},
    {CLI_TEXT, "trained-on", 0, &o.trained_on, "CACHE",
     "tell which images of a test cache are the same as an image in CACHE, or nearly, and the accuracy "
     "without them; by "
     "content alone, the models' files tell it without",
     0, 0, CLI_MODE(EVALUATE_CACHE)},
    {CLI_REAL, "similarity", 0, &o.similarity, "S",
     "cosine of the features from which --trained-on takes images for nearly the same", 0, 1,
     CLI_MODE(EVALUATE_CACHE)},
    {CLI_HEADING, "Images instead of a cache", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_TEXT, "weights", 0, &o.weights, "FILE",
     "base weights the models were trained with, or the cache of --similar made with, or random[:SEED] "
     "(default: their own seed, where they have one)",
     0, 0, CLI_MODE(EVALUATE_FOLDER) | CLI_MODE(EVALUATE_PREDICT) | CLI_MODE(EVALUATE_SIMILAR)},
    DATASET_OPTIONS(&o.filter,
                    CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER) | CLI_MODE(EVALUATE_SIMILAR)),
    {CLI_HEADING, "Prediction", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_FLAG, "predict", 'p', &predict, NULL, "tell the classes of new images by one model", 0, 0,
     CLI_MODE(EVALUATE_PREDICT)},
    {CLI_ONE_OF, "format", 0, &o.format, FORMAT_CHOICES, "of the predictions on standard output", 0, 0,
     CLI_MODE(EVALUATE_PREDICT)},
    {CLI_HEADING, "Similar images", 0, NULL, NULL, NULL, 0, 0, 0},
    {CLI_INT, "similar", 0, &o.similar, "K", "find the K images of CACHE that are most like each IMAGE", 1,
     1e6, CLI_MODE(EVALUATE_SIMILAR)},
    {CLI_TEXT, "neighbours", 0, &o.neighbours, "FILE.csv",
     "write image, rank, path, class and similarity of each of them", 0, 0, CLI_MODE(EVALUATE_SIMILAR)},
    {CLI_TEXT, "sheet", 0, &o.sheet, "FILE",
     "draw each IMAGE and what is like it, which lies below --images DIR (.png, .svg or .pdf)", 0, 0,
     CLI_MODE(EVALUATE_SIMILAR)},
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
    static const char *const needed[] = {
        [EVALUATE_CACHE] = "a cache or image folder and at least one model are needed",
        [EVALUATE_PREDICT] = "--predict takes a model and at least one image, folder or -",
        [EVALUATE_SIMILAR] = "--similar takes at least one image, folder or -, and a cache"};
    guint n = g_strv_length(o.arguments);
    if (n < 2) {
        *status = cli_usage(&program, "%s", needed[o.mode]);
        return FALSE;
    }
    if (o.mode == EVALUATE_SIMILAR) {
        o.inputs = o.arguments;
        o.source = g_intern_string(o.arguments[n - 1]);
        g_clear_pointer(&o.arguments[n - 1], g_free);
        return TRUE;
    }
    if (o.mode == EVALUATE_PREDICT) {
        o.models = o.arguments;
        o.n_models = 1;
        o.inputs = o.arguments + 1;
        return TRUE;
    }
    o.source = o.arguments[0];
    o.models = o.arguments + 1;
    o.n_models = n - 1;
    return TRUE;
}

/* Whether the models are evaluated on a cache or a folder shows when their source is known. */
static gboolean choose_mode(Status *status)
{
    if (predict && o.similar) {
        *status = cli_usage(&program, "--predict and --similar exclude one another");
        return FALSE;
    }
    o.mode = predict ? EVALUATE_PREDICT : o.similar ? EVALUATE_SIMILAR : EVALUATE_CACHE;
    if (!take_arguments(status))
        return FALSE;
    if (o.mode != EVALUATE_CACHE || evaluation_source_is_cache(o.source))
        return TRUE;
    o.mode = EVALUATE_FOLDER;
    if (g_file_test(o.source, G_FILE_TEST_IS_DIR))
        return TRUE;
    *status = cli_fail(g_error_new(VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                                   "%s: is neither a cache nor a folder of images; make a cache by extract",
                                   o.source));
    return FALSE;
}

static gboolean check_pictures(Status *status)
{
    const char *const paths[] = {o.confusion, o.reliability, o.scatter, o.sheet};
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
        if (paths[i] && !canvas_path_ok(paths[i], &error)) {
            *status = cli_usage(&program, "%s", error->message);
            return FALSE;
        }
    return TRUE;
}

static gboolean check(Status *status)
{
    if (!check_pictures(status) || !choose_mode(status) || !cli_check_mode(&program, o.mode, status))
        return FALSE;
    if (o.mode == EVALUATE_SIMILAR && !o.sheet != !o.images) {
        *status = cli_usage(&program, "--sheet needs --images, and --images goes with --sheet");
        return FALSE;
    }
    if (cli_given("similarity") && !o.trained_on) {
        *status = cli_usage(&program, "--similarity goes with --trained-on");
        return FALSE;
    }
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
