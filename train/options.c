/* options: see options.h. The one table of train's options, with their defaults, and what else has to hold. */
#include "train/options.h"

#include "common/arithmetic/blas.h"
#include "common/cli/choice.h"
#include "common/cli/cli.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "common/model/scaling.h"
#include "common/network/trainer.h"
#include "common/vgg16/vgg16.h"
#include "train/data/held_out.h"
#include "train/linear/search.h"
#include "train/model/layers.h"

#include <string.h>

const ApproachTraits approach_traits[] = {
    [APPROACH_STANDALONE] = {.cache = TRUE, .linear = TRUE},
    [APPROACH_BOOTSTRAP] = {.images = TRUE, .base = TRUE, .side = VGG16_SIDE},
    [APPROACH_FINETUNE] =
        {.cache = TRUE, .images = TRUE, .base = TRUE, .base_learns = TRUE, .side = VGG16_SIDE},
    [APPROACH_SCRATCH] = {.images = TRUE, .side = SCRATCH_SIDE},
};

static TrainOptions o = {
    .common = CLI_COMMON_DEFAULTS,
    .images = {.preset = PRESET_VIPS, .validation_split = 0.15},
    .network = {.scale = -1, .averages = 3, .hidden = "256", .dropout = 0.2},
    .fitting = {.class_weight = "none",
                .optimizer = {.learning_rate = 0.001},
                .batch_size = 64,
                .epochs = 50,
                .patience = 10,
                .reduce_lr_patience = 10},
    .linear = {.bias = 1, .reduce = TRUE},
    .results = {.checkpoint = TRUE},
};

/* Of the linear head, as given. */
static struct {
    const char *solver, *cost, *tolerance;
    gboolean search;
    const char *costs; /* "0.01,0.1,…", or NULL */
    gint64 folds;      /* 0: no cross-validation but for a search */
} given = {.solver = "L2R_L2LOSS_SVC_DUAL", .cost = "auto", .tolerance = "auto"};

/* The modes of train, each with the options that it uses: the approaches with a network, and the linear head. */
typedef enum {
    TRAIN_STANDALONE = APPROACH_STANDALONE,
    TRAIN_BOOTSTRAP = APPROACH_BOOTSTRAP,
    TRAIN_FINETUNE = APPROACH_FINETUNE,
    TRAIN_SCRATCH = APPROACH_SCRATCH,
    TRAIN_LINEAR,
} TrainMode;

static const CliMode modes[] = {
    [TRAIN_STANDALONE] = {"standalone", "--approach standalone with --head dense",
                          .meaning = "dense layers on the features of a cache (the default)"},
    [TRAIN_BOOTSTRAP] = {"bootstrap", "--approach bootstrap",
                         .meaning = "--approach bootstrap: dense layers on the frozen base, from images"},
    [TRAIN_FINETUNE] = {"finetune", "--approach finetune",
                        .meaning = "--approach finetune: the last layers of the base are trained as well"},
    [TRAIN_SCRATCH] = {"scratch", "--approach scratch",
                       .meaning = "--approach scratch: the study's own CNN, without the base"},
    [TRAIN_LINEAR] = {"linear", "--head linear",
                      .meaning = "--head linear: liblinear on the features of a cache"},
    {0},
};
#define THROUGH_BASE (CLI_MODE(TRAIN_BOOTSTRAP) | CLI_MODE(TRAIN_FINETUNE))
#define ON_IMAGES    (THROUGH_BASE | CLI_MODE(TRAIN_SCRATCH))
#define NETWORKS     (CLI_MODE(TRAIN_STANDALONE) | ON_IMAGES)

static const CliOption table[] = {
    OPTION_HEADING("What to train"),
    OPTION_ONE_OF("approach", &o.network.approach, APPROACH_CHOICES,
                  "what is trained and on what: see the modes above"),
    OPTION_ONE_OF("head", &o.network.head, HEAD_CHOICES,
                  "dense: layers trained by backpropagation; linear: liblinear"),
    OPTION_LIST("class-weight", &o.fitting.class_weight, "balanced|none|NAME:W,…",
                "balanced: weights each class inversely to its size, n / (classes * images of the class); "
                "NAME:W,…: weights of the named classes, 1 for the others"),
    OPTION_ONE_OF("scale", &o.network.scale, SCALING_CHOICES,
                  "scaling of the features that the head takes; max: divided by the largest absolute value; "
                  "standard: zero mean and unit variance per feature (both of cached features only); l2: "
                  "unit length per image; sqrt: square root of each feature, then unit length (default: sqrt "
                  "for heads on a CACHE, none through the base; that of --from)",
                  .modes = (NETWORKS & ~CLI_MODE(TRAIN_SCRATCH)) | CLI_MODE(TRAIN_LINEAR)),
    OPTION_REAL(
        "averages", &o.network.averages, "W", 1, 1e3,
        "count what all places of an image have in common, the average of each channel, W times as much as "
        "what differs between them (1: alike, and so where --scale or --from, or of liblinear's problem "
        "--solver, --cost or --export-libsvm, is given without this; not with solvers 5, 6)",
        .modes = CLI_MODE(TRAIN_STANDALONE) | CLI_MODE(TRAIN_LINEAR) | CLI_MODE(TRAIN_BOOTSTRAP)),
    OPTION_FLAG("summary", &o.summary, "print the model and stop"),
    OPTION_OUTPUT("history", &o.results.history, "FILE.csv", "metrics of every epoch, rewritten after each"),
    OPTION_FIGURE("plot", &o.results.plot,
                  "loss and accuracy curves (.png, .svg or .pdf), redrawn after each epoch"),
    OPTION_FIGURE("coverage", &o.results.coverage,
                  "draw accuracy against the share of images answered, if only what is sure is answered "
                  "(.png, .svg or .pdf), and say from which probability on 90, 95 and 99 % of the answers "
                  "are right, of images not trained on: those that folds hold out, or the validation's"),
    OPTION_REAL("set-threshold", &o.results.set_threshold, "A", 0, 1,
                "keep in the model the lowest probability from which a share A of the answers to these is "
                "right; evaluate --predict then answers unsure below it (0: do not)"),

    DATASET_OPTIONS(&o.images.filter, 0),
    OPTION_TEXT("group", &o.images.filter.group, "REGEX|FILE",
                "which images belong together, as for extract, so that the validation split does not part "
                "them; a CACHE keeps those it was given",
                .modes = ON_IMAGES),
    OPTION_INPUT("exclude", &o.images.filter.exclude, "FILE",
                 "leave out the images of a table (.csv with the column path; with a column action, as "
                 "decisions.csv of a review has, those that it excludes)"),

    OPTION_HEADING("Layers and epochs", .modes = NETWORKS),
    OPTION_TEXT("hidden", &o.network.hidden, "UNITS,…", "units of the hidden layers (ReLU), or none",
                .modes = NETWORKS & ~CLI_MODE(TRAIN_SCRATCH)),
    OPTION_REAL(
        "dropout", &o.network.dropout, "RATE", 0, 0.99,
        "fraction of units dropped in training: of the last hidden layer; from scratch, after every block"),
    OPTION_ONE_OF("optimizer", &o.fitting.optimizer.kind, OPTIMIZER_CHOICES,
                  "optimizer, by Keras's formulas and defaults"),
    OPTION_REAL("learning-rate", &o.fitting.optimizer.learning_rate, "RATE", 1e-12, 1e6, "learning rate"),
    OPTION_REAL("momentum", &o.fitting.optimizer.momentum, "M", 0, 0.9999, "momentum of sgd and rmsprop"),
    OPTION_REAL("weight-decay", &o.fitting.optimizer.weight_decay, "L", 0, 1e3,
                "L2 penalty L/2 |w|^2 on kernels, part of every loss as in Keras"),
    OPTION_INT("batch-size", &o.fitting.batch_size, "N", 1, BATCH_MAX, "images per step"),
    OPTION_INT("epochs", &o.fitting.epochs, "N", 1, 100000,
               "maximum number of passes over the training images"),
    OPTION_INT("patience", &o.fitting.patience, "N", 1, 100000,
               "stop after this many epochs without a lower val_loss (without validation: loss); the best "
               "epoch is kept"),
    OPTION_REAL("reduce-lr-factor", &o.fitting.reduce_lr_factor, "F", 0, 0.9999,
                "multiply the learning rate by this when val_loss no longer improves, as ReduceLROnPlateau "
                "does (0: never)"),
    OPTION_INT("reduce-lr-patience", &o.fitting.reduce_lr_patience, "N", 1, 100000,
               "epochs without improvement before reducing"),
    OPTION_REAL("min-learning-rate", &o.fitting.min_learning_rate, "RATE", 0, 1e6,
                "lower bound of the learning rate"),
    OPTION_REAL("validation-split", &o.images.validation_split, "F", 0, 0.95,
                "validate on this fraction of each class's images (0: none)"),
    OPTION_ONE_OF("validation-order", &o.images.validation_order, VALIDATION_ORDER_CHOICES,
                  "which these are: those with the lowest hashes of their names, images of a group together; "
                  "or the first in the order of their names, as Keras splits them"),
    OPTION_TEXT("validation", &o.images.validation, "CACHE", "validate on another cache instead",
                .modes = CLI_MODE(TRAIN_STANDALONE) | THROUGH_BASE),
    OPTION_FLAG("resume", &o.results.resume,
                "continue an interrupted training from MODEL.checkpoint; the result is the same as without "
                "the interruption"),
    OPTION_NEGATION("no-checkpoint", &o.results.checkpoint,
                    "do not write MODEL.checkpoint (parameters and optimizer state, saved periodically in at "
                    "most 5 % of the training time, and when interrupted)"),

    OPTION_HEADING("Images and base", .modes = THROUGH_BASE),
    OPTION_IMAGES("images", &o.images.folder, "DIR",
                  "train on the images below DIR, one subfolder per class, instead of a CACHE",
                  .modes = CLI_MODE(TRAIN_LINEAR) | ON_IMAGES),
    OPTION_TEXT("augmented-cache", &o.images.augmented_cache, "CACHE",
                "instead of images, use in each epoch a random one of the copies of each image that extract "
                "--augment stored"),
    OPTION_INT("copies", &o.images.copies, "K", 0, 10000,
               "use only the first K copies of each image (0: all)"),
    OPTION_INPUT("weights", &o.images.weights, "FILE",
                 "weights of the base, as for extract; with a CACHE, those it was made with", .letter = 'w'),
    DECODING_OPTIONS(&o.images, ON_IMAGES),
    OPTION_ONE_OF("pool", &o.network.pool, POOL_CHOICES,
                  "the head takes the mean, or the largest value, of each of the base's 512 channels over "
                  "all places, as with extract --pool"),
    OPTION_INT("unfreeze", &o.network.unfreeze, "N", 0, VGG16_LAYERS - 1,
               "number of layers of the base to train, counted from its end as Keras lists them: 2 is "
               "block5_conv3 and block5_pool, which fits a cache made by extract --layer block5_conv2 (0: "
               "what the cache requires; 2 from images)",
               .modes = CLI_MODE(TRAIN_FINETUNE)),
    OPTION_INPUT("from", &o.network.from, "MODEL",
                 "start from the head, dense or linear, of a model trained on the same base and classes, in "
                 "its --scale; a linear one goes with --hidden none, and best calibrated by --folds",
                 .modes = CLI_MODE(TRAIN_STANDALONE) | THROUGH_BASE),

    AUGMENT_OPTIONS(&o.images.augmentation, ON_IMAGES),

    OPTION_HEADING("Linear head", .modes = CLI_MODE(TRAIN_LINEAR)),
    OPTION_TEXT("solver", &given.solver, "NAME",
                "liblinear's -s, as number, name or short name: 0 L2R_LR (lr), 1 L2R_L2LOSS_SVC_DUAL "
                "(svc-dual), 2 L2R_L2LOSS_SVC (svc), 3 L2R_L1LOSS_SVC_DUAL (hinge-dual), 4 MCSVM_CS "
                "(crammer-singer), 5 L1R_L2LOSS_SVC (l1-svc), 6 L1R_LR (l1-lr), 7 L2R_LR_DUAL (lr-dual); "
                "logistic regression (0, 6, 7) yields probabilities"),
    OPTION_TEXT("cost", &given.cost, "C",
                "cost of errors, liblinear's -c; auto: 1 / mean ||x||^2 of the scaled features (solvers 5, "
                "6: ten times the lowest cost at which any weight is not zero)"),
    OPTION_TEXT("tolerance", &given.tolerance, "E",
                "liblinear's -e; auto: its default for the solver (0.1 for dual solvers, else 0.01)"),
    OPTION_REAL("bias", &o.linear.bias, "B", -1, 1e6,
                "append a constant feature of this value, liblinear's -B (below 0: none)"),
    OPTION_FLAG("search", &given.search,
                "choose the scaling (sqrt, l2, none or standard, unless --scale gives it) and the cost by "
                "cross-validation; --plot draws the curve of the costs, --history writes it as CSV"),
    OPTION_FLAG("search-cost", &given.search, "the same: its old name"),
    OPTION_TEXT("costs", &given.costs, "C,C,…", "search these costs instead of ten values around auto"),
    OPTION_INT("folds", &given.folds, "K", 0, 1000000,
               "number of stratified cross-validation folds; cross-validation also calibrates decision "
               "values to probabilities (0: 5 for a search, else none)"),
    OPTION_NEGATION("no-reduce", &o.linear.reduce,
                    "train on all features; by default, an equivalent problem with as many features as there "
                    "are images is solved if that is fewer and the solver's penalty allows it (not 5, 6)"),
    OPTION_OUTPUT(
        "suspects", &o.linear.suspects, "FILE.csv",
        "list images that may be mislabelled, most certain first, with the class suggested by models that "
        "were not trained on them, and the probability that the label is wrong (from 0.1)"),
    OPTION_FIGURE("suspects-sheet", &o.linear.suspects_sheet,
                  "draw them as a contact sheet (.png, .svg or .pdf); --images DIR is the image folder"),
    OPTION_OUTPUT(
        "learning-curve", &o.linear.learning_curve, "FILE.csv",
        "write the accuracy by number of training images, and estimate the gain from doubling them"),
    OPTION_FIGURE("learning-curve-plot", &o.linear.learning_curve_plot, "draw it (.png, .svg or .pdf)"),
    OPTION_OUTPUT("export-libsvm", &o.linear.export_libsvm, "FILE",
                  "write the scaled features for liblinear-train"),
    CLI_COMMON_OPTIONS(&o.common),
    {0},
};

static const char *const synopsis[] = {
    "[OPTION…] CACHE MODEL", "--approach bootstrap|finetune|scratch --images DIR [OPTION…] MODEL", NULL};

static const CliExample examples[] = {
    {"train --plot curves.svg cache/train model.h5",
     "a hidden layer of 256 units, with curves to watch during training"},
    {"train --hidden 4096,1072 --scale none cache/train model.h5",
     "the head of the study that make study reproduces, on features as they are"},
    {"train --head linear cache/train linear.h5", "liblinear, one-vs-rest"},
    {"train --approach finetune --weights vgg16.h5 --learning-rate 0.0001 cache/train-conv2 tuned.h5",
     "fine-tune on a cache made with extract --layer block5_conv2"},
    {NULL, NULL},
};

static const char description[] =
    "Trains a head on the features that extract stored in CACHE and writes it to MODEL, an HDF5 file that "
    "Keras can read too. MODEL always holds the best epoch so far; Ctrl-C keeps it, and --resume continues "
    "from where training stopped.\n\n"
    "The same seed gives the same model, bit for bit, for any number of threads.";

/* A number above 0, or "auto", which leaves the value. NULL, or what is wrong. */
static char *parse_or_auto(const char *option, const char *text, double *value)
{
    if (g_str_equal(text, "auto") || (cli_parse_real(text, value) && *value > 0))
        return NULL;
    return g_strdup_printf("--%s takes a number above 0, or auto, not '%s'", option, text);
}

static char *parse_costs(void)
{
    LinearChoice *linear = &o.linear;
    g_auto(GStrv) items = g_strsplit(given.costs ? given.costs : "", ",", -1);
    if (g_strv_length(items) > LINEAR_COSTS)
        return g_strdup_printf("--costs takes at most %d costs", LINEAR_COSTS);
    for (char **item = items; *item; item++)
        if (!cli_parse_real(*item, &linear->costs[linear->n_costs++]) ||
            linear->costs[linear->n_costs - 1] <= 0)
            return g_strdup_printf("--costs takes numbers above 0, such as 0.001,0.01,0.1, not '%s'", *item);
    doubles_sort(linear->costs, linear->n_costs);
    return given.costs && !linear->n_costs ? g_strdup("--costs is empty") : NULL;
}

/* Sets o.linear. What is wrong, as a sentence; NULL if nothing is. Caller frees. */
static char *take_linear(void)
{
    LinearChoice *linear = &o.linear;
    double cost = 0;
    char *wrong = NULL;
    linear->solver = solver_find(given.solver);
    if (!linear->solver) {
        g_autofree char *list = solver_list();
        return g_strdup_printf("--solver '%s' is unknown; choose by number or name: %s", given.solver, list);
    }
    linear->tolerance = linear->solver->tolerance;
    if ((wrong = parse_or_auto("cost", given.cost, &cost)) ||
        (wrong = parse_or_auto("tolerance", given.tolerance, &linear->tolerance)) || (wrong = parse_costs()))
        return wrong;
    linear->searches = given.search || given.costs;
    linear->searches_scale = given.search && !cli_given("scale") && !given.costs;
    linear->cross_validates =
        linear->searches || given.folds || linear->suspects || held_out_asked(&o.results);
    linear->folds = given.folds ? (guint)given.folds : 5;
    if (linear->searches && cost > 0)
        return g_strdup("--cost gives the cost, --search finds it: use one of them");
    if (cli_given("averages") && !linear->solver->rotation)
        return g_strdup_printf(
            "--averages does not go with %s, whose penalty |w| depends on the features' basis",
            linear->solver->name);
    if (cost > 0)
        linear->costs[linear->n_costs++] = cost;
    linear->tried = linear->n_costs ? linear->n_costs : linear->searches ? SEARCH_COSTS : 1;
    return NULL;
}

/* What is wrong with an option, whatever the arguments are, as a sentence; NULL if nothing is. Caller frees. */
static char *check_options(void)
{
    g_autoptr(GArray) hidden = layers_hidden(o.network.hidden);
    g_autoptr(GError) error = NULL;
    if (o.network.head == HEAD_LINEAR && !approach_traits[o.network.approach].linear)
        return g_strdup_printf("--approach %s cannot be combined with --head linear",
                               choice_name(APPROACH_CHOICES, (int)o.network.approach));
    if (!hidden)
        return g_strdup_printf(
            "--hidden takes numbers of units from 1 to %d, such as 4096,1072, or none, not '%s'",
            HIDDEN_UNITS_MOST, o.network.hidden);
    if (!augment_check(&o.images.augmentation, &error))
        return g_strdup(error->message);
    return o.network.head == HEAD_LINEAR ? take_linear() : NULL;
}

/* What the approach or the head takes from elsewhere; called once the arguments are known. */
static char *check_approach(void)
{
    const ApproachTraits *traits = &approach_traits[o.network.approach];
    if (o.images.cache && !o.images.augmented_cache && !traits->cache)
        return g_strdup_printf("--approach %s needs --images DIR instead of CACHE",
                               choice_name(APPROACH_CHOICES, (int)o.network.approach));
    static const char *const of_images[] = {"preset", "group", "fit", "pool"};
    for (guint i = 0; i < G_N_ELEMENTS(of_images) && !o.images.folder && !o.summary; i++)
        if (cli_given(of_images[i]) && !(traits->base_learns && g_str_equal(of_images[i], "pool")))
            return g_strdup_printf("--%s is not used with a CACHE, whose features have already been "
                                   "computed; it requires --images",
                                   of_images[i]);
    const char *of_features = o.network.scale >= 0 ? "scale" : cli_given("averages") ? "averages" : NULL;
    if (o.network.from && of_features)
        return g_strdup_printf("--from uses the scaling of its model and cannot be combined with --%s",
                               of_features);
    gboolean through_base =
        o.network.approach != APPROACH_STANDALONE && (traits->base_learns || !o.images.augmented_cache);
    const char *of_cached = cli_given("averages")               ? "averages"
                            : o.network.scale == SCALE_MAX      ? "scale max"
                            : o.network.scale == SCALE_STANDARD ? "scale standard"
                                                                : NULL;
    return through_base && of_cached ? g_strdup_printf("--%s requires a head on cached features", of_cached)
                                     : NULL;
}

/* What is wrong with options that are valid one by one, as a sentence; NULL if nothing is. */
static const char *check_together(gboolean linear)
{
    const SourceChoice *images = &o.images;
    const LinearChoice *head = &o.linear;
    gboolean splits = !images->validation && images->validation_split > 0,
             reduces = o.fitting.reduce_lr_factor > 0;
    const struct {
        gboolean wrong;
        const char *sentence;
    } rules[] = {
        {o.results.resume && !o.results.checkpoint,
         "--resume continues from the checkpoint, so it cannot be combined with --no-checkpoint"},
        {o.fitting.optimizer.momentum > 0 && o.fitting.optimizer.kind == OPTIMIZER_ADAM,
         "--momentum requires --optimizer sgd or rmsprop; adam has its own momentum"},
        {linear && o.results.plot && !head->searches, "--plot draws the cost search: give --search too"},
        {linear && o.results.history && !head->searches && !given.folds,
         "--history lists the cost search: give --search too"},
        {head->suspects_sheet && (!head->suspects || !images->folder),
         "--suspects-sheet draws the images that --suspects lists: give --suspects and --images DIR too"},
        {head->learning_curve_plot && !head->learning_curve,
         "--learning-curve-plot draws what --learning-curve writes: give both"},
        {given.folds == 1, "--folds takes 2 or more (0: no cross-validation)"},
        {images->folder && images->augmented_cache, "--images and --augmented-cache are mutually exclusive"},
        {images->folder && !approach_traits[o.network.approach].images && !head->suspects_sheet,
         "--images requires --suspects-sheet or --approach bootstrap, finetune or scratch"},
        {images->copies && !images->augmented_cache, "--copies requires --augmented-cache"},
        {images->fit != FIT_STRETCH && images->preset == PRESET_TORCHVISION,
         "--fit does not go with --preset torchvision, which crops by itself"},
        {images->folder && images->validation,
         "--validation takes a cache and cannot be combined with --images"},
        {augment_active(&images->augmentation) && !images->folder && !o.summary,
         "augmentation requires --images; to augment a cache, use extract --augment"},
        {images->filter.classes && images->filter.first_classes,
         "--classes and --first-classes are mutually exclusive"},
        {images->validation && cli_given("validation-split") && images->validation_split > 0,
         "--validation and --validation-split are mutually exclusive"},
        {cli_given("validation-order") && !splits, "--validation-order requires a --validation-split"},
        {cli_given("reduce-lr-patience") && !reduces, "--reduce-lr-patience requires --reduce-lr-factor"},
        {cli_given("min-learning-rate") && !reduces, "--min-learning-rate requires --reduce-lr-factor"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
        if (rules[i].wrong)
            return rules[i].sentence;
    return NULL;
}

/* Sets cache and model; returns a sentence where the number of arguments is wrong. Caller frees. */
static char *take_arguments(char **arguments)
{
    gboolean from_images = o.images.folder && approach_traits[o.network.approach].images;
    guint n = g_strv_length(arguments);
    if (o.summary && approach_traits[o.network.approach].images && n == 0)
        return NULL;
    gboolean alone = from_images || o.images.augmented_cache;
    if (n != (alone ? 1 : 2))
        return g_strdup_printf("expected %s, got %u %s", alone ? "MODEL" : "CACHE and MODEL", n,
                               plural(n, "argument", "arguments"));
    o.images.cache = from_images ? NULL : o.images.augmented_cache ? o.images.augmented_cache : arguments[0];
    o.results.model = arguments[n - 1];
    if (g_str_has_suffix(o.results.model, ".keras") || g_str_has_suffix(o.results.model, ".weights.h5"))
        return g_strdup_printf("%s: such a name promises another layout of Keras's; train writes the one "
                               "that load_model takes from a name in .h5",
                               o.results.model);
    return NULL;
}

/* Test accuracy on VGG16's published base, squared hinge, cost auto, five samples of the training images (food: ten
 * classes, 500 test images; bees: ants and bees, twenty splits):
 *
 *              food, 20 a class     50    100    150   bees, 20 a class     42
 *   sqrt, averages 3      0.649  0.702  0.738  0.744              0.906  0.928
 *   sqrt, averages 1      0.585  0.671  0.715  0.747              0.888  0.912
 *   l2                    0.592  0.665  0.697  0.717              0.888  0.909
 *   none                  0.588  0.664  0.691  0.710              0.891  0.911
 *   standard              0.559  0.642  0.686  0.713              0.844  0.882
 *
 * Standard errors 0.006 to 0.010; at 150 a class 0.02, of the test images. Averages help each scaling, and by
 * cross-validation at every size: food 0.519, 0.637, 0.687, 0.699 to 0.618, 0.684, 0.720, 0.736, bees 0.859, 0.885 to
 * 0.878, 0.898. They may count 2 to 5 times with the same result.
 *
 * Of cached features, unless they go on through the base or come to a head that was trained on others. */
static ScalingKind default_scale(void)
{
    gboolean cached = o.network.approach == APPROACH_STANDALONE ||
                      (o.network.approach == APPROACH_BOOTSTRAP && o.images.augmented_cache);
    return cached && !o.network.from ? SCALE_SQRT : SCALE_NONE;
}

/* Who states liblinear's problem means its features as they are. */
static gboolean states_the_problem(void)
{
    return cli_given("scale") || cli_given("solver") || cli_given("cost") || cli_given("export-libsvm");
}

static guint mode_of(char **arguments)
{
    return o.network.head == HEAD_LINEAR ? TRAIN_LINEAR : (guint)o.network.approach;
}

static gboolean check(guint mode, char **arguments, GError **error)
{
    g_autofree char *wrong = check_options();
    if (wrong || (wrong = take_arguments(arguments)) || (wrong = check_approach()) ||
        (wrong = g_strdup(check_together(mode == TRAIN_LINEAR))))
        return cli_refuse(error, "%s", wrong);
    Optimizer *optimizer = &o.fitting.optimizer, chosen = *optimizer;
    *optimizer = optimizer_default(chosen.kind);
    optimizer->learning_rate = chosen.learning_rate;
    optimizer->momentum = chosen.momentum;
    optimizer->weight_decay = chosen.weight_decay;
    if (!cli_given("averages") && (states_the_problem() || default_scale() == SCALE_NONE))
        o.network.averages = 1;
    if (mode == TRAIN_LINEAR) {
        o.network.hidden = "none";
        o.images.validation_split = 0;
    }
    if (o.network.scale < 0)
        o.network.scale = (int)default_scale();
    return TRUE;
}

/* There is no place for a checkpoint beside a model that is not a regular file. */
static gboolean add_files(OutputPlan *plan)
{
    OutputTarget target;
    if (o.summary)
        return FALSE;
    g_autofree char *regular = output_target_find(o.results.model, &target) ? target.regular : NULL;
    if (!regular)
        o.results.checkpoint = o.results.resume = FALSE;
    g_autofree char *checkpoint =
        o.results.checkpoint ? g_strconcat(o.results.model, ".checkpoint", NULL) : NULL;
    output_plan_add(plan, PLAN_OUTPUT, "MODEL", o.results.model, NULL);
    output_plan_add(plan, PLAN_OUTPUT, "the checkpoint", checkpoint, NULL);
    return TRUE;
}

const TrainOptions *const train_options = &o;
const CliProgram train_program =
    CLI_PROGRAM("train", "train a classifier on cached VGG16 features", blas_describe);
