/* options: see options.h. */
#include "extract/options.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/core/plural.h"
#include "common/vgg16/base.h"
#include "common/vgg16/vgg16.h"
#include "extract/shard.h"

#include <string.h>

static const char *const synopsis[] = {
    "[OPTION…] IMAGE_DIR CACHE",
    "--pool avg|max CACHE NEW_CACHE",
    "--info [--json] CACHE",
    "--verify CACHE",
    "--export DIR CACHE",
    "--merge [--check LIST|DIR] CACHE SHARD…",
    "--import FEATURES.npy [--made-by TEXT] LABELS.npy|ITEMS.csv CACHE",
    "--preview FILE IMAGE_DIR",
    "--duplicates [--sheet FILE --images DIR] CACHE [CACHE]",
    "--labels FILE|--group REGEX|FILE CACHE",
    "--split [--similarity S] CACHE TRAIN TEST F",
    "--apply DECISIONS.csv|--unapply CACHE",
    NULL,
};

static const char description[] =
    "Runs each image once through the frozen VGG16 base and stores its features in CACHE, a folder with an "
    "LMDB file. IMAGE_DIR is a folder with one subfolder per class, a tar archive of such a folder (plain, "
    ".tar.gz, .bz2, .xz, .zst or .lz4), or a tar archive in webdataset's layout (KEY.jpg next to KEY.cls). "
    "Archives are streamed, not unpacked; images get the same names in CACHE as they would from the "
    "folder.\n\n"
    "Running the same command again continues where it stopped: only images that are new or have changed (by "
    "the SHA-256 of their content) are computed. Those that were moved or copied within IMAGE_DIR, or whose "
    "class was renamed, keep their features and get the class of their new folder. Each batch is committed "
    "as soon as it is done, so Ctrl-C or a kill loses at most the batch in flight. An image that cannot be "
    "used is named on stderr with the reason and recorded in CACHE, and the exit status is 3.\n\n"
    "A preset defines all steps from file to tensor. keras: Pillow's nearest-neighbour resize to 224x224, "
    "BGR minus the ImageNet means. torchvision: Pillow's bilinear resize of the short side to 256, centre "
    "crop of 224, ImageNet mean and standard deviation. vips: JPEGs are reduced while they are decoded, then "
    "resized bilinearly to 224x224 and normalised as the weights file requires; the fastest for large "
    "photographs. --side sets another size than 224 (256 becomes side * 256 / 224).\n\n"
    "--shard divides the work among processes or machines: each runs the same command with its own CACHE, "
    "and --merge combines these into the cache that a single process would have made. On SIGTERM or SIGUSR1, "
    "which schedulers send to end a task, extract commits what is done and exits with status 1; when the "
    "task is run again, it continues from there.\n\n"
    "--import makes a cache from an (N, D) matrix of float32 or float16 that another program computed, or "
    "from the maps of a convolutional layer, (N, H, W, C), together with labels (N,) or a table, CSV or JSON "
    "lines, with path and class, as written by --export. Heads can be trained and evaluated on such a cache, "
    "but "
    "cannot predict from images. Imported caches are compatible if TEXT and D are the same.\n\n"
    "--batch and --threads affect speed and memory only, never what is stored.";

static const CliExample examples[] = {
    {"extract --weights weights/vgg16.h5 photos photos.cache", "the features of all images below photos/"},
    {"extract --weights random --first-classes 10 --list train.txt images train.cache",
     "ten classes, the images on a list, random weights from a seed as a stand-in"},
    {"extract --list meta/train.txt food-101.tar.gz train.cache", "straight from a downloaded archive"},
    {"extract --split-test 0.2 photos photos.cache",
     "photos.cache for training, and a fifth of each class in photos.cache.test for evaluation"},
    {"extract --preview sheet.png --rotation-range 90 --horizontal-flip photos",
     "show what these settings do to images"},
    {"extract --shard 0/4 photos part0.cache", "the first of four parts, each run by its own process"},
    {"extract --merge --check photos photos.cache part?.cache",
     "merge the parts into one cache and list what is missing"},
    {"extract --import train.npy --made-by resnet50 labels.npy train.cache",
     "features computed by another program"},
    {"extract --labels labels.csv photos photos.cache", "the classes by a table, not by folders"},
    {"extract --labels features/items.csv photos.cache",
     "relabel: items.csv of --export, with classes corrected"},
    {"extract --split photos.cache train.cache test.cache 0.2",
     "a fifth of each class for testing, without images that training has nearly the same"},
    {"extract --apply decisions.csv photos.cache", "what a review decided (evaluate --review)"},
    {"extract --pool avg photos.cache small.cache", "512 numbers an image: their means over all places"},
    {"extract --info photos.cache", "what it holds and how it was made"},
    {"extract --export features photos.cache", "features.npy, labels.npy and items.csv for NumPy"},
    {NULL, NULL},
};

#define ONE_CACHE .arguments = "one CACHE", .least = 1, .most = 1
static const CliMode modes[] = {
    [ACTION_EXTRACT] = {"extract", "extracting from IMAGE_DIR",
                        "extract from IMAGE_DIR to CACHE (the default)", "IMAGE_DIR and CACHE", 2, 2},
    [ACTION_INFO] = {"--info", "--info", "show what CACHE holds and how it was made", ONE_CACHE},
    [ACTION_VERIFY] = {"--verify", "--verify", "read everything back and check every checksum", ONE_CACHE},
    [ACTION_EXPORT] = {"--export", "--export", "write CACHE to files for NumPy", ONE_CACHE},
    [ACTION_MERGE] = {"--merge", "--merge", "merge shards into one CACHE", "CACHE and at least one SHARD", 1,
                      G_MAXUINT},
    [ACTION_IMPORT] = {"--import", "--import", "import features computed by another program",
                       "LABELS.npy or ITEMS.csv, and CACHE", 2, 2},
    [ACTION_PREVIEW] = {"--preview", "--preview", "show what augmentation does to images", "one IMAGE_DIR", 1,
                        1},
    [ACTION_DUPLICATES] = {"--duplicates", "--duplicates", "find identical and nearly identical images",
                           "one CACHE or two", 1, 2},
    [ACTION_SPLIT] = {"--split", "--split", "divide CACHE into TRAIN and TEST, without images",
                      "CACHE, TRAIN, TEST, and the fraction F of the images for TEST, between 0 and 1", 4, 4},
    [ACTION_RELABEL] = {"relabel", "--labels and --group on a CACHE",
                        .meaning = "give the items of CACHE other labels, without images"},
    [ACTION_APPLY] = {"--apply", "--apply", "give the images of CACHE what a review decided", ONE_CACHE},
    [ACTION_UNAPPLY] = {"--unapply", "--unapply", "take back what reviews decided", ONE_CACHE},
    [ACTION_DERIVE] = {"derive", "extracting from a CACHE",
                       .meaning = "pool the features of CACHE, or go on to a later layer, without images"},
    {0},
};
enum { SIDE_STEP = 32 }; /* by what the base's poolings divide it */

#define ON_IMAGES (CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_PREVIEW))

/* What the option table writes to besides the options. */
static int normalize = -1, store = -1; /* -1: not given */
static const char *shard;

static Options o = {.common = CLI_COMMON_DEFAULTS,
                    .made_by = "unknown",
                    .layer = "block5_pool",
                    .preset = PRESET_VIPS,
                    .batch = BASE_DEFAULT_BATCH,
                    .side = VGG16_SIDE};

static const CliOption table[] = {
    OPTION_HEADING("Instead of extracting"),
    OPTION_FLAG("info", NULL, "print what CACHE holds and how it was made", .selects = ACTION_INFO),
    OPTION_FLAG("json", &o.json, "as JSON", .modes = CLI_MODE(ACTION_INFO)),
    OPTION_FLAG("verify", NULL, "read everything back and check every checksum", .selects = ACTION_VERIFY),
    OPTION_FOLDER("export", &o.export_folder, EXPORT_FILES,
                  "write features.npy, labels.npy and items.csv to DIR", .selects = ACTION_EXPORT),
    OPTION_FLAG("merge", NULL, "add the contents of each SHARD to CACHE", .selects = ACTION_MERGE),
    OPTION_TEXT("check", &o.check, "LIST|DIR",
                "afterwards, list the images of a folder, or of a list of class/name lines, that CACHE lacks",
                .modes = CLI_MODE(ACTION_MERGE)),
    OPTION_TEXT("import", &o.import, "FEATURES.npy", "make CACHE from features computed by another program",
                .selects = ACTION_IMPORT),
    OPTION_TEXT("made-by", &o.made_by, "TEXT", "the program or model that computed them",
                .modes = CLI_MODE(ACTION_IMPORT)),
    OPTION_FIGURE("preview", &o.preview,
                  "draw some images below IMAGE_DIR with augmented copies (.png, .svg or .pdf)",
                  .selects = ACTION_PREVIEW),
    OPTION_FLAG("duplicates", NULL,
                "list groups of images with the same content or nearly the same features, within one CACHE "
                "or across two",
                .selects = ACTION_DUPLICATES),
    OPTION_FLAG("split", NULL,
                "divide CACHE into the new caches TRAIN and TEST, which gets the fraction F of each class; "
                "images of a group, and those that are nearly the same, stay together",
                .selects = ACTION_SPLIT),
    OPTION_REAL("similarity", &o.similarity, "S", 0, 1,
                "cosine similarity of the features above which images count as nearly the same (0: 0.7 for "
                "block5_pool of trained weights, 0.9 if it is pooled, else 0.99)",
                .modes = CLI_MODE(ACTION_DUPLICATES) | CLI_MODE(ACTION_SPLIT)),
    OPTION_TEXT("apply", &o.apply, "FILE.csv",
                "keep, relabel or exclude images of CACHE as the table says (columns path, action and label, "
                "as evaluate --review saves them), in one transaction; excluded images stay in CACHE, but "
                "are left out by training and evaluation; later runs of extract keep what was decided",
                .selects = ACTION_APPLY),
    OPTION_FLAG("unapply", NULL,
                "take all such decisions back: the images get the classes of their folders, or tables, again",
                .selects = ACTION_UNAPPLY),
    OPTION_FIGURE("sheet", &o.sheet, "draw the groups (.png, .svg or .pdf)",
                  .modes = CLI_MODE(ACTION_DUPLICATES)),
    OPTION_IMAGES("images", &o.images, "DIR", "the image folder, for --sheet",
                  .modes = CLI_MODE(ACTION_DUPLICATES)),
    DATASET_OPTIONS(&o.filter, ON_IMAGES),
    DATASET_CLASS_NAMES(&o.filter),
    OPTION_HEADING("Labels and parts", .modes = CLI_MODE(ACTION_EXTRACT)),
    OPTION_INPUT("labels", &o.filter.labels, "FILE",
                 "the class of each image, from a table (.csv with the columns path and class, and perhaps "
                 "group and split; .jsonl; items.csv of --export; metadata.csv), whatever its folder; with "
                 "CACHE alone, its items are relabelled without images",
                 .modes = CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_RELABEL)),
    OPTION_ONE_OF("unlabelled", &o.filter.keep_unlabelled, "skip|keep",
                  "images that the table lacks: leave them out, or keep them without a label, for --similar, "
                  "--duplicates and later labels"),
    OPTION_TEXT(
        "group", &o.filter.group, "REGEX|FILE",
        "which images belong together, such as those of one scene or patient, so that no split parts them: a "
        "table with the columns path and group, or what REGEX (or its first parentheses) matches in the path",
        .modes = CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_RELABEL)),
    OPTION_TEXT("shard", &shard, "I/N|auto",
                "extract only part I of N (counted from 0) of the images, chosen by a hash of their names; "
                "auto takes I and N from Slurm, MPI or AWS Batch, auto/N takes I from Kubernetes"),
    OPTION_REAL("split-test", &o.split_test, "F", 0, 0.9,
                "set this fraction of each class aside for testing, in the cache CACHE.test; images stay in "
                "their part when others are added (0: none)"),
    OPTION_FLAG("prune", &o.prune, "remove items whose file is no longer in IMAGE_DIR"),
    OPTION_FLAG("keep-missing", &o.keep_missing, "keep them, without a line about it"),
    OPTION_HEADING("How", .modes = CLI_MODE(ACTION_EXTRACT)),
    OPTION_TEXT("weights", &o.weights, "FILE",
                "Keras HDF5 or torchvision safetensors; random[:SEED] for untrained weights from a seed; "
                "with a CACHE, those it was made with, for --layer fc1 and fc2",
                .letter = 'w', .modes = CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_DERIVE)),
    DECODING_OPTIONS(&o, ON_IMAGES),
    OPTION_INT("side", &o.side, "PIXELS", SIDE_STEP, 1024,
               "side of the square that images are resized to, a multiple of 32; 320 shows the base more "
               "detail than the 224 it was trained on, at twice the time and room: a head is right on about "
               "2 photographs more in 100"),
    OPTION_ONE_OF("normalize", &normalize, "caffe|torch",
                  "how pixels become tensors, if not as the preset and weights imply"),
    OPTION_TEXT("layer", &o.layer, "NAME",
                "Keras layer whose output is stored; input: the input tensor itself; fc1, fc2: those of the "
                "top, 4096 numbers each, from a weights file that has it; with a CACHE in the place of "
                "IMAGE_DIR, from its features, without images",
                .modes = CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_DERIVE)),
    OPTION_ONE_OF("pool", &o.pool, POOL_CHOICES,
                  "store the mean, or the largest value, of each channel over all places of the layer, as "
                  "pooling= of Keras's applications: 512 numbers an image in place of 25088; with a CACHE in "
                  "the place of IMAGE_DIR, of its features, without images",
                  .modes = CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_DERIVE)),
    OPTION_ONE_OF("store", &store, CACHE_STORE_CHOICES,
                  "how CACHE stores features: sparse (lossless, only what is not zero), float16 (rounded to "
                  "half precision) or float32 (as they are); default for a new cache: sparse, or float16 if "
                  "merged from float16",
                  .modes = CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_MERGE) | CLI_MODE(ACTION_IMPORT)),
    OPTION_INT("batch", &o.batch, "N", 1, 256,
               "images the base processes at once: takes 0.6 GB of memory plus 9 MB per image; a kill loses "
               "at most one batch"),
    AUGMENT_OPTIONS(&o.augmentation, ON_IMAGES),
    OPTION_INT("augment", &o.copies, "K", 0, 10000,
               "store K differently augmented copies of each image as well (for train --augmented-cache)",
               .modes = CLI_MODE(ACTION_EXTRACT)),
    CLI_COMMON_OPTIONS(&o.common),
    OPTION_FLAG("verbose", &o.verbose,
                "name each image that libjpeg warns of although its pixels are whole, with the warning",
                .modes = CLI_MODE(ACTION_EXTRACT)),
    {0},
};

/* What the number of arguments says, where no option does. */
static guint mode_of(char **arguments)
{
    guint given = g_strv_length(arguments);
    return given == 1 && (o.filter.labels || o.filter.group) ? ACTION_RELABEL
           : given == 2 && cache_is(arguments[0])            ? ACTION_DERIVE
                                                             : ACTION_EXTRACT;
}

static gboolean check_arguments(Action action, char **arguments, GError **error)
{
    const CliMode *mode = &modes[action];
    o.arguments = arguments;
    if (action == ACTION_SPLIT &&
        !(cli_parse_real(arguments[3], &o.split_share) && o.split_share > 0 && o.split_share < 1))
        return cli_refuse(error, "%s takes %s, not %s", mode->asked, mode->arguments, arguments[3]);
    if (action == ACTION_MERGE && !o.check && !arguments[1])
        return cli_refuse(error, "%s takes %s", mode->asked, mode->arguments);
    return !o.sheet == !o.images ||
           cli_refuse(error, "--sheet needs --images, and --images goes with --sheet");
}

static gboolean check_layer(Action action, GError **error)
{
    g_autofree char *names = vgg16_names();
    if (vgg16_find(o.layer) < 0 && strcmp(o.layer, "input") != 0)
        return cli_refuse(error, "unknown layer %s: choose one of %s, or input", o.layer, names);
    if (o.side % SIDE_STEP || (vgg16_is_dense(vgg16_find(o.layer)) && o.side != VGG16_SIDE))
        return cli_refuse(error,
                          "--side takes a multiple of %d, and with --layer fc1 and fc2 only %d, not %d",
                          SIDE_STEP, VGG16_SIDE, (int)o.side);
    return action != ACTION_DERIVE || cli_given("layer") || o.pool != POOL_NONE ||
           cli_refuse(error,
                      "%s is a cache: give --pool or --layer, for what is to follow from it, or name the "
                      "folder of images",
                      o.arguments[0]);
}

/* Options that are valid one by one. */
static const char *wrong_together(Action action)
{
    if (o.fit != FIT_STRETCH && o.preset == PRESET_TORCHVISION)
        return "--fit does not go with --preset torchvision, which crops by itself";
    if (o.copies && !augment_active(&o.augmentation))
        return "--augment needs at least one augmentation option, such as --rotation-range";
    if (action == ACTION_EXTRACT && augment_active(&o.augmentation) && !cli_given("augment"))
        return "augmentation requires --augment K, the number of augmented copies to store of each image; "
               "--preview FILE shows some";
    if (cli_given("unlabelled") && !o.filter.labels)
        return "--unlabelled goes with --labels, whose images have a label";
    if (o.prune && o.keep_missing)
        return "--prune and --keep-missing are mutually exclusive";
    if (o.filter.classes && o.filter.first_classes)
        return "--classes and --first-classes are mutually exclusive";
    return NULL;
}

static gboolean check(guint mode, char **arguments, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if ((shard && !shard_parse(shard, &o.shard, &o.shard_source, &problem)) ||
        !augment_check(&o.augmentation, &problem))
        return cli_refuse(error, "%s", problem->message);
    const char *wrong = wrong_together(mode);
    if (wrong)
        return cli_refuse(error, "%s", wrong);
    g_autofree char *settings = augment_describe(&o.augmentation);
    o.how = g_strdup_printf("%s seed=%" G_GINT64_FORMAT, settings, o.common.seed);
    o.normalize = normalize < 0 ? NULL : (const Normalization *)&normalize;
    o.store = store < 0 ? NULL : (const CacheStore *)&store;
    o.made_by = *o.made_by ? o.made_by : "unknown";
    return check_arguments(mode, arguments, error) && check_layer(mode, error);
}

static gboolean add_files(OutputPlan *plan)
{
    if (o.preview) {
        output_plan_add(plan, PLAN_IMAGES, "IMAGE_DIR", o.arguments[0], NULL);
        output_plan_add(plan, PLAN_INPUT, "the archive", o.arguments[0], NULL);
    }
    return TRUE;
}

const Options *const extract_options = &o;
const CliProgram extract_program =
    CLI_PROGRAM("extract", "extract image features with VGG16's frozen base", blas_describe);
