/* options: see options.h. */
#include "evaluate/options.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cache.h"
#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/plot/canvas.h"
#include "evaluate/report/confusion.h"

static const char *const synopsis[] = {
    "[OPTION…] CACHE|IMAGE_DIR MODEL…",          "[OPTION…] --predict MODEL IMAGE…|CACHE",
    "[OPTION…] --similar K IMAGE… CACHE",        "[OPTION…] --next K MODEL CACHE",
    "--export-onnx FILE [--weights FILE] MODEL", NULL,
};

static const char description[] =
    "Evaluates models on labelled images: accuracy with its 95 % interval, precision, recall and F1 of each "
    "class, confusion matrix and, for several models, McNemar's exact test of each pair. The images come "
    "from a cache made by extract, or from a folder with one subfolder per class, in which case they go "
    "through the base again.\n\n"
    "With --predict, predicts the classes of new images: files, folders, or - for a list on standard "
    "input. They go through the preprocessing the model was trained with. A CACHE gives its images, also "
    "those without a label. Scores are called probabilities "
    "only if they are: the outputs of a softmax, or calibrated ones; otherwise they are decision "
    "values, called margins in the output.\n\n"
    "With --similar, finds the K images of a cache that are most similar to each new image, by the cosine of "
    "their features; every image of the cache is compared. New images go through the preprocessing and the "
    "base that the cache was made with. An image that is itself in the cache (by its content) is not listed "
    "as its own neighbour.\n\n"
    "With --next, chooses the K images without a label, of a CACHE, that are worth a label most: those "
    "between two classes, "
    "and of these some that stand for the others. It prints them as CSV, the most useful first.";

static const CliExample examples[] = {
    {"evaluate test.cache dense.h5 linear.h5 --confusion matrix.png", "compare two models on one cache"},
    {"evaluate test.cache dense.h5 --images food-101/images --report report",
     "a report to open in a browser"},
    {"evaluate photos.cache linear.h5 --suspects suspects.csv --images photos --review review",
     "a page to correct labels in"},
    {"evaluate --predict dense.h5 --weights vgg16_notop.h5 photo.jpg holidays/", "what these images show"},
    {"evaluate --similar 5 --weights vgg16_notop.h5 photo.jpg photos.cache",
     "the images most similar to this one"},
    {"evaluate --next 50 linear.h5 photos.cache > next.csv", "what to label next"},
    {"evaluate --export-onnx dense.onnx dense.h5", "the model with its base, for onnxruntime and others"},
    {NULL, NULL}};

static Options o = {.top = 5, .digits = 2, .common = CLI_COMMON_DEFAULTS};

static gboolean predict;

#define EVALUATING (CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER))

static const CliMode modes[] = {
    [EVALUATE_CACHE] = {"CACHE", "evaluating on a CACHE", "evaluate models on the images of a cache"},
    [EVALUATE_FOLDER] = {"IMAGE_DIR", "evaluating on an IMAGE_DIR",
                         "evaluate models on the images of a folder"},
    [EVALUATE_PREDICT] = {"--predict", "--predict", "predict the classes of new images"},
    [EVALUATE_SIMILAR] = {"--similar", "--similar",
                          "find the images of a cache that are similar to new ones"},
    [EVALUATE_NEXT] = {"--next", "--next", "choose the images of a cache to label next"},
    [EVALUATE_EXPORT] = {"--export-onnx", "--export-onnx", "write a model in ONNX's format"},
    {NULL, NULL, NULL},
};

static const CliOption table[] = {
    OPTION_HEADING("Metrics"),
    OPTION_INT("top", &o.top, "K", 1, 1e6,
               "also report top-K accuracy (the true class is among the K most probable); with --predict, "
               "list K classes",
               .modes = EVALUATING | CLI_MODE(EVALUATE_PREDICT)),
    OPTION_INT("digits", &o.digits, "N", 1, 12, "decimal places in the table of classes",
               .modes = EVALUATING),
    OPTION_TEXT("json", &o.json, "FILE", "write all metrics as JSON; -: alone on standard output",
                .modes = EVALUATING),
    OPTION_TEXT("predictions", &o.predictions, "FILE.csv",
                "write path, true class, predicted class and the probability (or margin) of each class; one "
                "file per model if there are several",
                .modes = EVALUATING),
    OPTION_TEXT("history", &o.history, "A.csv,B.csv,…",
                "the files that train --history wrote for the models, in the same order (empty between "
                "commas: none), to report the training time",
                .modes = EVALUATING),
    OPTION_FLAG("timing", &o.timing,
                "report how long a prediction takes; text and report then differ from run to run",
                .modes = EVALUATING),
    OPTION_HEADING("Plots and report"),
    OPTION_TEXT("confusion", &o.confusion, "FILE", "draw the confusion matrices (.png, .svg or .pdf)",
                .modes = EVALUATING),
    OPTION_ONE_OF("normalize", &o.cells, CONFUSION_CHOICES,
                  "values of the matrix's cells: counts, or fractions of the true class, the predicted class "
                  "or all images",
                  .modes = EVALUATING),
    OPTION_TEXT("title", &o.title, "TEXT", "title of the plots and the report", .modes = EVALUATING),
    OPTION_TEXT("reliability", &o.reliability, "FILE", "draw reliability diagrams (.png, .svg or .pdf)",
                .modes = EVALUATING),
    OPTION_TEXT("coverage", &o.coverage, "FILE",
                "draw accuracy against the share of images answered, if only what is sure is answered (.png, "
                ".svg or .pdf), and say from which probability on 90, 95 and 99 % of the answers are right",
                .modes = EVALUATING),
    OPTION_REAL("set-threshold", &o.set_threshold, "A", 0, 1,
                "keep in the model the lowest probability from which a share A of the answers on these "
                "images is right; --predict then answers unsure below it (0: do not)",
                .modes = EVALUATING),
    OPTION_LIST("slices", &o.slices, "FILE.csv|brightness|sharpness|size,…",
                "say on which images the models are more or less often right: by each column of a table "
                "beside path, by its values, or by quarters of many numbers; by the images' mean luma, "
                "variance of the Laplacian, or number of pixels (of a CACHE, with --images DIR)",
                .modes = EVALUATING),
    OPTION_TEXT("unknown", &o.unknown, "DIR|CACHE",
                "say how well images of none of the classes, those in DIR or CACHE, are told from the "
                "others: by the score, and by the similarity to the images trained on",
                .modes = EVALUATING),
    OPTION_REAL("set-known", &o.set_known, "A", 0, 1,
                "keep in the model the similarity that a share A of the images trained on have to another "
                "one; --predict then answers unknown below it (0: do not)",
                .modes = EVALUATING),
    OPTION_TEXT("scatter", &o.scatter, "FILE",
                "draw the cache's images by their first two principal components, coloured by class, with "
                "mistakes marked (.png, .svg or .pdf)",
                .modes = CLI_MODE(EVALUATE_CACHE)),
    OPTION_TEXT("report", &o.report, "DIR", "write everything to DIR/index.html, a self-contained page",
                .modes = EVALUATING),
    OPTION_TEXT("review", &o.review, "DIR",
                "write DIR/index.html, a page to decide by keyboard on the images whose labels are in doubt: "
                "suspects, mistakes, unsure ones, duplicates, unknown ones (--set-known); it saves "
                "decisions.csv, which extract --apply takes",
                .modes = EVALUATING),
    OPTION_TEXT("suspects", &o.suspects, "FILE.csv",
                "labels that may be wrong, as train --suspects lists them, to be reviewed first",
                .modes = EVALUATING),
    OPTION_TEXT(
        "explain", &o.explain, "DIR",
        "draw which regions of an image speak for its class and which against it, for the most confident "
        "mistakes, the least certain images and a sample: writes DIR/index.html, one PNG per image, and "
        "maps.csv; for heads on 7x7x512 features, or these pooled (which needs the images)",
        .modes = EVALUATING),
    OPTION_TEXT("images", &o.images, "DIR",
                "the folder of the cache's images, for the thumbnails of --report and --review, --explain, "
                "--slices and --sheet",
                .modes = CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_SIMILAR) | CLI_MODE(EVALUATE_NEXT)),
    OPTION_TEXT("trained-on", &o.trained_on, "CACHE",
                "report which test images are identical or nearly identical to an image in CACHE, and the "
                "accuracy without them; identical images are also found without this option if the model "
                "file records its training images",
                .modes = CLI_MODE(EVALUATE_CACHE)),
    OPTION_REAL("similarity", &o.similarity, "S", 0, 1,
                "cosine similarity of the features above which --trained-on counts images as nearly "
                "identical (0: 0.7 for block5_pool of trained weights, 0.9 if it is pooled, else 0.99)",
                .modes = CLI_MODE(EVALUATE_CACHE)),
    OPTION_HEADING("Images instead of a cache"),
    OPTION_TEXT("weights", &o.weights, "FILE",
                "base weights that the models were trained with, or that the cache of --similar was made "
                "with; or random[:SEED] (default: the seed recorded with them, if any, else the published "
                "file where extract finds it)",
                .letter = 'w',
                .modes = EVALUATING | CLI_MODE(EVALUATE_PREDICT) | CLI_MODE(EVALUATE_SIMILAR) |
                         CLI_MODE(EVALUATE_EXPORT)),
    DATASET_OPTIONS(&o.filter, EVALUATING | CLI_MODE(EVALUATE_SIMILAR)),
    OPTION_TEXT("group", &o.filter.group, "REGEX|FILE",
                "which images belong together, as for extract: intervals and tests are then over groups; a "
                "CACHE keeps those it was given",
                .modes = CLI_MODE(EVALUATE_FOLDER)),
    OPTION_HEADING("Prediction"),
    OPTION_FLAG("predict", &predict, "predict the classes of new images with one model", .letter = 'p',
                .modes = CLI_MODE(EVALUATE_PREDICT)),
    OPTION_ONE_OF("format", &o.format, FORMAT_CHOICES, "output format of the predictions",
                  .modes = CLI_MODE(EVALUATE_PREDICT)),
    OPTION_HEADING("Similar images"),
    OPTION_INT("similar", &o.similar, "K", 1, 1e6,
               "find the K images of CACHE that are most similar to each IMAGE",
               .modes = CLI_MODE(EVALUATE_SIMILAR)),
    OPTION_TEXT("neighbours", &o.neighbours, "FILE.csv",
                "write image, rank, path, class and similarity of each neighbour",
                .modes = CLI_MODE(EVALUATE_SIMILAR)),
    OPTION_TEXT("sheet", &o.sheet, "FILE",
                "draw each IMAGE with its neighbours, or the images of --next; those of the cache are read "
                "below --images DIR (.png, .svg or .pdf)",
                .modes = CLI_MODE(EVALUATE_SIMILAR) | CLI_MODE(EVALUATE_NEXT)),
    OPTION_HEADING("What to label next"),
    OPTION_INT("next", &o.next, "K", 1, 1e6, "choose K images without a label, of CACHE, to label next",
               .modes = CLI_MODE(EVALUATE_NEXT)),
    OPTION_HEADING("Elsewhere"),
    OPTION_TEXT("export-onnx", &o.export_onnx, "FILE",
                "write MODEL with its base, scaling and calibration to one ONNX file, from pixels (N, side, "
                "side, 3) to probabilities; its metadata say how images become pixels",
                .modes = CLI_MODE(EVALUATE_EXPORT)),
    CLI_COMMON_OPTIONS(&o.common),
    {0}};

static const CliProgram program = {"evaluate",    "evaluate classifiers and predict the classes of images",
                                   synopsis,      description,
                                   table,         examples,
                                   blas_describe, modes};

/* ---- Checks: each returns FALSE where the command line was refused in a sentence ---- */

static gboolean take_arguments(Status *status)
{
    static const char *const needed[] = {
        [EVALUATE_CACHE] = "a cache or image folder and at least one model are needed",
        [EVALUATE_PREDICT] = "--predict takes a model and at least one image, folder, cache or -",
        [EVALUATE_SIMILAR] = "--similar takes at least one image, folder or -, and a cache",
        [EVALUATE_NEXT] = "--next takes a model and a cache",
        [EVALUATE_EXPORT] = "--export-onnx takes one model"};
    guint n = g_strv_length(o.arguments);
    gboolean right = o.mode == EVALUATE_EXPORT ? n == 1 : o.mode == EVALUATE_NEXT ? n == 2 : n >= 2;
    if (!right) {
        *status = cli_usage(&program, "%s", needed[o.mode]);
        return FALSE;
    }
    if (o.mode == EVALUATE_SIMILAR) {
        o.inputs = o.arguments;
        o.source = g_intern_string(o.arguments[n - 1]);
        g_clear_pointer(&o.arguments[n - 1], g_free);
        return TRUE;
    }
    if (o.mode == EVALUATE_PREDICT || o.mode == EVALUATE_EXPORT) {
        o.models = o.arguments;
        o.n_models = 1;
        o.inputs = o.arguments + 1;
        return TRUE;
    }
    guint source = o.mode == EVALUATE_NEXT ? 1 : 0;
    o.source = o.arguments[source];
    o.models = o.arguments + 1 - source;
    o.n_models = n - 1;
    return TRUE;
}

/* Whether the models are evaluated on a cache or a folder is known only once the source has been looked at. */
static gboolean choose_mode(Status *status)
{
    if (predict + !!o.similar + !!o.next + !!o.export_onnx > 1) {
        *status =
            cli_usage(&program, "--predict, --similar, --next and --export-onnx are mutually exclusive");
        return FALSE;
    }
    o.mode = predict         ? EVALUATE_PREDICT
             : o.similar     ? EVALUATE_SIMILAR
             : o.next        ? EVALUATE_NEXT
             : o.export_onnx ? EVALUATE_EXPORT
                             : EVALUATE_CACHE;
    if (!take_arguments(status))
        return FALSE;
    gboolean takes_folder = o.mode == EVALUATE_CACHE;
    if ((!takes_folder && o.mode != EVALUATE_NEXT) || cache_is(o.source))
        return TRUE;
    if (takes_folder && g_file_test(o.source, G_FILE_TEST_IS_DIR)) {
        o.mode = EVALUATE_FOLDER;
        return TRUE;
    }
    *status =
        cli_fail(g_error_new(VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, "%s: is %s; make a cache with extract",
                             o.source, takes_folder ? "neither a cache nor a folder of images" : "no cache"));
    return FALSE;
}

static gboolean check_plots(Status *status)
{
    const char *const paths[] = {o.confusion, o.reliability, o.coverage, o.scatter, o.sheet};
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
        if (paths[i] && !canvas_path_ok(paths[i], &error)) {
            *status = cli_usage(&program, "%s", error->message);
            return FALSE;
        }
    return TRUE;
}

const char *const slice_measures[SLICE_MEASURES] = {"brightness", "sharpness", "size"};

/* What is not the name of a measure is the table's, commas included. Returns whether anything is measured. */
static gboolean split_slices(void)
{
    g_auto(GStrv) items = g_strsplit(o.slices ? o.slices : "", ",", -1);
    g_autoptr(GPtrArray) file = g_ptr_array_new();
    gboolean any = FALSE;
    for (char **item = items; *item; item++) {
        guint m = 0;
        while (m < SLICE_MEASURES && !g_str_equal(*item, slice_measures[m]))
            m++;
        if (m < SLICE_MEASURES)
            any = o.measures[m] = TRUE;
        else
            g_ptr_array_add(file, *item);
    }
    g_ptr_array_add(file, NULL);
    g_autofree char *joined = g_strjoinv(",", (char **)file->pdata);
    o.slices = file->len > 1 ? g_intern_string(joined) : NULL;
    return any;
}

/* What is wrong with options that are valid one by one, as a sentence; NULL if nothing is. */
static const char *check_together(void)
{
    if ((o.mode == EVALUATE_SIMILAR || o.mode == EVALUATE_NEXT) && !o.sheet != !o.images)
        return "--sheet needs --images, and --images goes with --sheet";
    gboolean measures = split_slices();
    if (o.mode == EVALUATE_CACHE && measures && !o.images)
        return "--slices by brightness, sharpness or size needs --images DIR, the folder of the cache's "
               "images";
    if (o.mode == EVALUATE_CACHE && o.images && !o.report && !o.review && !o.explain && !measures)
        return "--images requires --report, --review, --explain or --slices brightness, which read images of "
               "the "
               "cache";
    if (o.suspects && !o.review)
        return "--suspects requires --review, which shows them";
    if (o.mode == EVALUATE_CACHE && o.weights && !o.explain && !o.unknown)
        return "--weights is not used with a CACHE, whose features have already been computed, but by "
               "--unknown DIR, and by --explain of pooled ones";
    for (char **input = o.mode == EVALUATE_PREDICT ? o.inputs : NULL; input && *input; input++)
        if (cache_is(*input) && (o.weights || o.inputs[1]))
            return "--predict takes a CACHE alone, without --weights, as its features have already been "
                   "computed";
    if (cli_given("normalize") && !o.confusion && !o.report)
        return "--normalize requires --confusion or --report";
    if (o.title && !o.confusion && !o.report && !o.review && !o.explain)
        return "--title requires --confusion, --report, --review or --explain";
    if (cli_given("similarity") && !o.trained_on)
        return "--similarity requires --trained-on";
    if ((o.set_threshold > 0 || o.set_known > 0) && o.n_models > 1)
        return "--set-threshold takes one model, as does --set-known";
    if (o.filter.classes && o.filter.first_classes)
        return "--classes and --first-classes are mutually exclusive";
    return NULL;
}

static gboolean check(Status *status)
{
    if (!check_plots(status) || !choose_mode(status) || !cli_check_mode(&program, o.mode, status))
        return FALSE;
    const char *wrong = check_together();
    if (wrong)
        *status = cli_usage(&program, "%s", wrong);
    return !wrong;
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
