/* options: see options.h. */
#include "evaluate/options.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cache.h"
#include "common/cache/cosines.h"
#include "common/cli/choice.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "evaluate/explanation/explanation_files.h"
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
    "With --predict, predicts the classes of new images: files, folders, or - for a list on standard input. "
    "They go through the preprocessing the model was trained with. A CACHE gives its images, also those "
    "without a label. Scores are called probabilities only if they are: the outputs of a softmax, or "
    "calibrated ones; otherwise they are decision values, called margins in the output.\n\n"
    "With --similar, finds the K images of a cache that are most similar to each new image, by the cosine of "
    "their features; every image of the cache is compared. New images go through the preprocessing and the "
    "base that the cache was made with. An image that is itself in the cache (by its content) is not listed "
    "as its own neighbour.\n\n"
    "With --next, chooses the K images without a label, of a CACHE, that are worth a label most: those "
    "between two classes, and of these some that stand for the others. It prints them as CSV, the most "
    "useful first.";

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

static Options o = {.top = 5, .style.digits = 2, .common = CLI_COMMON_DEFAULTS};

#define EVALUATING (CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_FOLDER))

static const CliMode modes[] = {
    [EVALUATE_CACHE] = {"CACHE", "evaluating on a CACHE", "evaluate models on the images of a cache",
                        "a cache or image folder and at least one model", 2, G_MAXUINT},
    [EVALUATE_FOLDER] = {"IMAGE_DIR", "evaluating on an IMAGE_DIR",
                         "evaluate models on the images of a folder",
                         "a cache or image folder and at least one model", 2, G_MAXUINT},
    [EVALUATE_PREDICT] = {"--predict", "--predict", "predict the classes of new images",
                          "a model and at least one image, folder, cache or -", 2, G_MAXUINT},
    [EVALUATE_SIMILAR] = {"--similar", "--similar", "find the images of a cache that are similar to new ones",
                          "at least one image, folder or -, and a cache", 2, G_MAXUINT},
    [EVALUATE_NEXT] = {"--next", "--next", "choose the images of a cache to label next",
                       "a model and a cache", 2, 2},
    [EVALUATE_EXPORT] = {"--export-onnx", "--export-onnx", "write a model in ONNX's format", "one model", 1,
                         1},
    {0},
};

static const CliOption table[] = {
    OPTION_HEADING("Metrics", .modes = EVALUATING),
    OPTION_INT("top", &o.top, "K", 1, 1e6,
               "also report top-K accuracy (the true class is among the K most probable); with --predict, "
               "list K classes",
               .modes = EVALUATING | CLI_MODE(EVALUATE_PREDICT)),
    OPTION_INT("digits", &o.style.digits, "N", 1, 12, "decimal places in the table of classes"),
    OPTION_OUTPUT("json", &o.json, "FILE", "write all metrics as JSON; -: alone on standard output"),
    OPTION_OUTPUT("predictions", &o.predictions, "FILE.csv",
                  "write path, true class, predicted class and the probability (or margin) of each class; "
                  "one file per model if there are several"),
    OPTION_TEXT("history", &o.history, "A.csv,B.csv,…",
                "the files that train --history wrote for the models, in the same order (empty between "
                "commas: none), to report the training time"),
    OPTION_FLAG("timing", &o.style.timing,
                "report how long a prediction takes; text and report then differ from run to run"),
    OPTION_HEADING("Plots and report", .modes = EVALUATING),
    OPTION_FIGURE("confusion", &o.confusion, "draw the confusion matrices (.png, .svg or .pdf)"),
    OPTION_ONE_OF("normalize", &o.style.cells, CONFUSION_CHOICES,
                  "values of the matrix's cells: counts, or fractions of the true class, the predicted class "
                  "or all images"),
    OPTION_TEXT("title", &o.style.title, "TEXT", "title of the plots and the report"),
    OPTION_FIGURE("reliability", &o.reliability, "draw reliability diagrams (.png, .svg or .pdf)"),
    OPTION_FIGURE(
        "coverage", &o.coverage,
        "draw accuracy against the share of images answered, if only what is sure is answered (.png, .svg or "
        ".pdf), and say from which probability on 90, 95 and 99 % of the answers are right"),
    OPTION_REAL("set-threshold", &o.set_threshold, "A", 0, 1,
                "keep in the model the lowest probability from which a share A of the answers on these "
                "images is right; --predict then answers unsure below it (0: do not)"),
    OPTION_LIST("slices", &o.slices.table, "FILE.csv|brightness|sharpness|size,…",
                "say on which images the models are more or less often right: by each column of a table "
                "beside path, by its values, or by quarters of many numbers; by the images' mean luma, "
                "variance of the Laplacian, or number of pixels (of a CACHE, with --images DIR)",
                .use = PLAN_INPUT),
    OPTION_IMAGES("unknown", &o.unknown, "DIR|CACHE",
                  "say how well images of none of the classes, those in DIR or CACHE, are told from the "
                  "others: by the score, and by the similarity to the images trained on"),
    OPTION_REAL("set-known", &o.set_known, "A", 0, 1,
                "keep in the model the similarity that a share A of the images trained on have to another "
                "one; --predict then answers unknown below it (0: do not)"),
    OPTION_FIGURE("scatter", &o.scatter,
                  "draw the cache's images by their first two principal components, coloured by class, with "
                  "mistakes marked (.png, .svg or .pdf)",
                  .modes = CLI_MODE(EVALUATE_CACHE)),
    OPTION_FOLDER("report", &o.report, "index.html",
                  "write everything to DIR/index.html, a self-contained page"),
    OPTION_FOLDER("review", &o.review, "index.html",
                  "write DIR/index.html, a page to decide by keyboard on the images whose labels are in "
                  "doubt: suspects, mistakes, unsure ones, duplicates, unknown ones (--set-known); it saves "
                  "decisions.csv, which extract --apply takes"),
    OPTION_INPUT("suspects", &o.suspects, "FILE.csv",
                 "labels that may be wrong, as train --suspects lists them, to be reviewed first"),
    OPTION_FOLDER(
        "explain", &o.explain, "index.html|" EXPLANATION_CSV,
        "draw which regions of an image speak for its class and which against it, for the most confident "
        "mistakes, the least certain images and a sample: writes DIR/index.html, one PNG per image, and "
        "maps.csv; for heads on 7x7x512 features, or these pooled (which needs the images)"),
    OPTION_IMAGES("images", &o.images.folder, "DIR",
                  "the folder of the cache's images, for the thumbnails of --report and --review, --explain, "
                  "--slices and --sheet",
                  .modes = CLI_MODE(EVALUATE_CACHE) | CLI_MODE(EVALUATE_SIMILAR) | CLI_MODE(EVALUATE_NEXT)),
    OPTION_TEXT("trained-on", &o.leakage.trained_on, "CACHE",
                "report which test images are identical or nearly identical to an image in CACHE, and the "
                "accuracy without them; identical images are also found without this option if the model "
                "file records its training images",
                .modes = CLI_MODE(EVALUATE_CACHE)),
    OPTION_REAL("similarity", &o.leakage.similarity, "S", 0, 1,
                "cosine similarity of the features above which --trained-on counts images as nearly "
                "identical (0: 0.7 for block5_pool of trained weights, 0.9 if it is pooled, else 0.99)",
                .modes = CLI_MODE(EVALUATE_CACHE)),
    OPTION_HEADING("Images instead of a cache"),
    OPTION_INPUT("weights", &o.models.weights, "FILE",
                 "base weights that the models were trained with, or that the cache of --similar was made "
                 "with; or random[:SEED] (default: the seed recorded with them, if any, else the published "
                 "file where extract finds it)",
                 .letter = 'w',
                 .modes = EVALUATING | CLI_MODE(EVALUATE_PREDICT) | CLI_MODE(EVALUATE_SIMILAR) |
                          CLI_MODE(EVALUATE_EXPORT)),
    DATASET_OPTIONS(&o.images.filter, EVALUATING | CLI_MODE(EVALUATE_SIMILAR)),
    OPTION_TEXT("group", &o.images.filter.group, "REGEX|FILE",
                "which images belong together, as for extract: intervals and tests are then over groups; a "
                "CACHE keeps those it was given",
                .modes = CLI_MODE(EVALUATE_FOLDER)),
    OPTION_HEADING("Prediction", .modes = CLI_MODE(EVALUATE_PREDICT)),
    OPTION_FLAG("predict", NULL, "predict the classes of new images with one model", .letter = 'p',
                .selects = EVALUATE_PREDICT),
    OPTION_ONE_OF("format", &o.format, FORMAT_CHOICES, "output format of the predictions"),
    OPTION_HEADING("Similar images", .modes = CLI_MODE(EVALUATE_SIMILAR)),
    OPTION_INT("similar", &o.similar, "K", 1, 1e6,
               "find the K images of CACHE that are most similar to each IMAGE", .selects = EVALUATE_SIMILAR),
    OPTION_OUTPUT("neighbours", &o.neighbours, "FILE.csv",
                  "write image, rank, path, class and similarity of each neighbour"),
    OPTION_FIGURE("sheet", &o.sheet,
                  "draw each IMAGE with its neighbours, or the images of --next; those of the cache are read "
                  "below --images DIR (.png, .svg or .pdf)",
                  .modes = CLI_MODE(EVALUATE_SIMILAR) | CLI_MODE(EVALUATE_NEXT)),
    OPTION_HEADING("What to label next"),
    OPTION_INT("next", &o.next, "K", 1, 1e6, "choose K images without a label, of CACHE, to label next",
               .selects = EVALUATE_NEXT),
    OPTION_HEADING("Elsewhere"),
    OPTION_OUTPUT("export-onnx", &o.export_onnx, "FILE",
                  "write MODEL with its base, scaling and calibration to one ONNX file, from pixels (N, "
                  "side, side, 3) to probabilities; its metadata say how images become pixels",
                  .selects = EVALUATE_EXPORT),
    CLI_COMMON_OPTIONS(&o.common),
    {0}};

/* Whether models are evaluated on a cache or a folder. */
static guint mode_of(char **arguments)
{
    const char *source = arguments[0];
    return source && !cache_is(source) && g_file_test(source, G_FILE_TEST_IS_DIR) ? EVALUATE_FOLDER
                                                                                  : EVALUATE_CACHE;
}

static gboolean take_arguments(EvaluateMode mode, char **arguments, GError **error)
{
    guint n = g_strv_length(arguments), last = n - 1;
    o.mode = mode;
    if (mode == EVALUATE_SIMILAR) {
        o.inputs = arguments;
        o.images.source = g_steal_pointer(&arguments[last]);
    } else if (mode == EVALUATE_PREDICT || mode == EVALUATE_EXPORT) {
        o.models.paths = arguments;
        o.models.n = 1;
        o.inputs = arguments + 1;
    } else {
        guint source = mode == EVALUATE_NEXT ? 1 : 0;
        o.images.source = arguments[source];
        o.models.paths = arguments + 1 - source;
        o.models.n = last;
    }
    return (mode != EVALUATE_CACHE && mode != EVALUATE_NEXT) || cache_is(o.images.source) ||
           error_set(error, "%s: is %s; make a cache with extract", o.images.source,
                     mode == EVALUATE_NEXT ? "no cache" : "neither a cache nor a folder of images");
}

/* What is not the name of a measure is the table's, commas included. */
static void split_slices(void)
{
    g_auto(GStrv) items = g_strsplit(o.slices.table ? o.slices.table : "", ",", -1);
    g_autoptr(GPtrArray) file = g_ptr_array_new();
    for (char **item = items; *item; item++) {
        int measure = choice_find(SLICE_MEASURE_CHOICES, *item);
        if (measure >= 0)
            o.slices.measures |= 1U << measure;
        else
            g_ptr_array_add(file, *item);
    }
    g_ptr_array_add(file, NULL);
    g_autofree char *joined = g_strjoinv(",", (char **)file->pdata);
    o.slices.table = file->len > 1 ? g_intern_string(joined) : NULL;
}

/* What is wrong with options that are valid one by one, as a sentence; NULL if nothing is. */
static const char *check_together(void)
{
    gboolean cache = o.mode == EVALUATE_CACHE, asks_cache = FALSE;
    for (char **input = o.mode == EVALUATE_PREDICT ? o.inputs : NULL; input && *input; input++)
        asks_cache |= cache_is(*input);
    split_slices();
    const struct {
        gboolean wrong;
        const char *sentence;
    } rules[] = {
        {(o.mode == EVALUATE_SIMILAR || o.mode == EVALUATE_NEXT) && !o.sheet != !o.images.folder,
         "--sheet needs --images, and --images goes with --sheet"},
        {cache && o.slices.measures && !o.images.folder,
         "--slices by brightness, sharpness or size needs --images DIR, the folder of the cache's images"},
        {cache && o.images.folder && !o.report && !o.review && !o.explain && !o.slices.measures,
         "--images requires --report, --review, --explain or --slices brightness, which read images of the "
         "cache"},
        {o.suspects && !o.review, "--suspects requires --review, which shows them"},
        {cache && o.models.weights && !o.explain && !o.unknown,
         "--weights is not used with a CACHE, whose features have already been computed, but by --unknown "
         "DIR, and by --explain of pooled ones"},
        {cache && o.unknown && g_str_equal(o.unknown, o.images.source),
         "--unknown takes other images than those that are evaluated"},
        {asks_cache && (o.models.weights || o.inputs[1]),
         "--predict takes a CACHE alone, without --weights, as its features have already been computed"},
        {cli_given("normalize") && !o.confusion && !o.report, "--normalize requires --confusion or --report"},
        {o.style.title && !o.confusion && !o.report && !o.review && !o.explain,
         "--title requires --confusion, --report, --review or --explain"},
        {cli_given("similarity") && !o.leakage.trained_on, "--similarity requires --trained-on"},
        {(o.set_threshold > 0 || o.set_known > 0) && o.models.n > 1,
         "--set-threshold takes one model, as does --set-known"},
        {o.images.filter.classes && o.images.filter.first_classes,
         "--classes and --first-classes are mutually exclusive"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
        if (rules[i].wrong)
            return rules[i].sentence;
    return NULL;
}

static gboolean check(guint mode, char **arguments, GError **error)
{
    const char *wrong = take_arguments(mode, arguments, error) ? check_together() : NULL;
    return !*error && (!wrong || cli_refuse(error, "%s", wrong));
}

static gboolean add_files(OutputPlan *plan)
{
    g_auto(GStrv) histories = g_strsplit(o.history ? o.history : "", ",", -1);
    for (guint m = 0; m < o.models.n; m++)
        output_plan_add(plan, PLAN_INPUT, "MODEL", o.models.paths[m], NULL);
    for (char **history = histories; *history; history++)
        output_plan_add(plan, PLAN_INPUT, "--history", *history, NULL);
    output_plan_add(plan, PLAN_IMAGES, "IMAGE_DIR", o.images.source, NULL);
    for (char **input = o.inputs; input && *input; input++)
        output_plan_add(plan, g_file_test(*input, G_FILE_TEST_IS_DIR) ? PLAN_IMAGES : PLAN_INPUT, "IMAGE",
                        *input, NULL);
    return TRUE;
}

const Options *const evaluate_options = &o;
const CliProgram evaluate_program =
    CLI_PROGRAM("evaluate", "evaluate classifiers and predict the classes of images", blas_describe);
