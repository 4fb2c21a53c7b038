#include "extract/options.h"

#include "common/arithmetic/blas.h"
#include "common/cache/cosines.h"
#include "common/cli/cli.h"
#include "common/plot/canvas.h"
#include "common/vgg16/base.h"
#include "common/vgg16/vgg16.h"
#include "extract/shard.h"

#include <string.h>

static const char *const synopsis[] = {
    "[OPTION…] IMAGE_DIR CACHE",
    "--info [--json] CACHE",
    "--verify CACHE",
    "--export DIR CACHE",
    "--merge [--check LIST|DIR] CACHE SHARD…",
    "--import FEATURES.npy [--made-by TEXT] LABELS.npy|ITEMS.csv CACHE",
    "--preview FILE IMAGE_DIR",
    "--duplicates [--sheet FILE --images DIR] CACHE [CACHE]",
    NULL,
};

static const char description[] =
    "Runs each image once through the frozen VGG16 base and stores its features in CACHE, a folder with an "
    "LMDB file. "
    "IMAGE_DIR holds one folder per class, or is a tar archive of such a folder (also .tar.gz, .bz2, .xz, "
    ".zst or .lz4), or one in "
    "webdataset's layout, KEY.jpg beside KEY.cls; it is streamed, not unpacked. "
    "Names in CACHE are those that the folder would give.\n\n"
    "The same command again continues: images that are there and unchanged (by the SHA-256 of their content) "
    "are not "
    "computed again, changed ones are. Each batch is committed when it is done, so Ctrl-C or a kill loses at "
    "most the "
    "batch in flight. An image that cannot be used is named on stderr with the reason, recorded in CACHE, "
    "and makes "
    "the exit status 3.\n\n"
    "Presets name the way from file to tensor. keras: Pillow's nearest resize to 224x224, BGR minus the "
    "ImageNet means. "
    "torchvision: Pillow's bilinear resize of the short side to 256, centre crop of 224, mean and standard "
    "deviation. "
    "vips: JPEGs reduced while they are read, then bilinear to 224x224, normalised as the weights file wants "
    "it; the fast one for large photographs.\n\n"
    "--shard divides the work among processes or machines: each runs the same command with a CACHE of its "
    "own, and "
    "--merge joins them into what one process would have made. SIGTERM or SIGUSR1, by which a scheduler ends "
    "a task, "
    "commits what is done and ends with status 1; run again, the task goes on from there.\n\n"
    "--import makes a cache of a matrix (N, D) of float32 or float16 that another program computed, with "
    "labels "
    "(N,) or a CSV file with columns path and class, as --export writes it. Heads train on it and are "
    "evaluated on it; "
    "images cannot be predicted from. Caches go together where TEXT and D are the same.\n\n"
    "--batch and --threads change speed and memory only, never what is stored.";

static const CliExample examples[] = {
    {"extract --weights weights/vgg16.h5 photos photos.cache", "features of all images below photos/"},
    {"extract --weights random --first-classes 10 --list train.txt images train.cache",
     "ten classes, the images of a list, a seeded stand-in for the weights"},
    {"extract --list meta/train.txt food-101.tar.gz train.cache", "from an archive as it was downloaded"},
    {"extract --split-test 0.2 photos photos.cache",
     "photos.cache to train on, and a fifth of each class in photos.cache.test to evaluate on"},
    {"extract --preview sheet.png --rotation-range 90 --horizontal-flip photos",
     "what these settings do to images"},
    {"extract --shard 0/4 photos part0.cache", "the first of four parts, each run by a process of its own"},
    {"extract --merge --check photos photos.cache part?.cache",
     "the parts in one cache, and what is missing"},
    {"extract --import train.npy --made-by resnet50 labels.npy train.cache",
     "features that another program made"},
    {"extract --info photos.cache", "what is in it and how it was made"},
    {"extract --export features photos.cache", "features.npy, labels.npy and items.csv for NumPy"},
    {NULL, NULL},
};

static const CliMode modes[] = {
    [ACTION_EXTRACT] = {"extract", "extracting from IMAGE_DIR", "IMAGE_DIR to CACHE (unless told otherwise)"},
    [ACTION_INFO] = {"--info", "--info", "what CACHE holds and how it was made"},
    [ACTION_VERIFY] = {"--verify", "--verify", "read everything back and check every checksum"},
    [ACTION_EXPORT] = {"--export", "--export", "CACHE to files for NumPy"},
    [ACTION_MERGE] = {"--merge", "--merge", "shards to one CACHE"},
    [ACTION_IMPORT] = {"--import", "--import", "features that another program computed to CACHE"},
    [ACTION_PREVIEW] = {"--preview", "--preview", "what augmentation does to images"},
    [ACTION_DUPLICATES] = {"--duplicates", "--duplicates", "images that are the same, or nearly"},
    {NULL, NULL, NULL},
};
#define ON_IMAGES (CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_PREVIEW))

/* What the option table writes to, as the user spelt it. */
typedef struct {
    gboolean info, verify, merge, duplicates;
    const char *shard, *made_by;
    int normalize, store; /* -1: not given */
    double similarity;    /* 0: not given */
    gint64 batch, copies;
} Raw;

static Action asked_action(const Raw *raw, const Options *options)
{
    return raw->info                ? ACTION_INFO
           : raw->verify            ? ACTION_VERIFY
           : raw->merge             ? ACTION_MERGE
           : options->import        ? ACTION_IMPORT
           : options->export_folder ? ACTION_EXPORT
           : options->preview       ? ACTION_PREVIEW
           : raw->duplicates        ? ACTION_DUPLICATES
                                    : ACTION_EXTRACT;
}

/* The one action asked for, or a usage error. */
static gboolean choose_action(const CliProgram *program, const Raw *raw, Options *options, Status *status)
{
    int actions = raw->info + raw->verify + raw->merge + raw->duplicates + !!options->export_folder +
                  !!options->preview + !!options->import;
    guint given = g_strv_length(options->arguments);
    if (actions > 1)
        *status = cli_usage(
            program,
            "--info, --verify, --export, --merge, --import, --preview and --duplicates exclude one another");
    else if (!cli_check_mode(program, asked_action(raw, options), status))
        return FALSE;
    else if (!options->sheet != !options->images)
        *status = cli_usage(program, "--sheet needs --images, and --images goes with --sheet");
    else if (raw->duplicates && (given < 1 || given > 2))
        *status = cli_usage(program, "--duplicates needs one or two CACHE, %u arguments given", given);
    else if (raw->merge && given < (options->check ? 1 : 2))
        *status = cli_usage(program, "--merge needs CACHE and at least one SHARD");
    else if (options->import && given != 2)
        *status = cli_usage(program, "--import needs LABELS.npy or ITEMS.csv, and CACHE; %u arguments given",
                            given);
    else if (actions && !raw->merge && !raw->duplicates && !options->import && given != 1)
        *status = cli_usage(program, "needs one %s, %u arguments given",
                            options->preview ? "IMAGE_DIR" : "CACHE", given);
    else if (!actions && given != 2)
        *status = cli_usage(program, "needs IMAGE_DIR and CACHE, %u arguments given", given);
    else {
        options->action = asked_action(raw, options);
        return TRUE;
    }
    return FALSE;
}

static gboolean check(const CliProgram *program, const Raw *raw, Options *options, Status *status)
{
    if (!choose_action(program, raw, options, status))
        return FALSE;
    options->has_normalize = raw->normalize >= 0;
    options->normalize = options->has_normalize ? (Normalization)raw->normalize : NORMALIZE_CAFFE;
    options->has_store = raw->store >= 0;
    options->store = options->has_store ? (CacheStore)raw->store : CACHE_SPARSE;
    options->batch = (int)raw->batch;
    options->made_by = raw->made_by && *raw->made_by ? raw->made_by : "unknown";
    options->copies = (guint)raw->copies;
    options->similarity = raw->similarity ? raw->similarity : COSINES_ALIKE;
    if (vgg16_find(options->layer) < 0 && strcmp(options->layer, "input") != 0) {
        g_autofree char *names = vgg16_names();
        *status = cli_usage(program, "unknown layer %s: choose one of %s, or input", options->layer, names);
        return FALSE;
    }
    if (strcmp(options->layer, "input") == 0 && options->precision != PRECISION_FLOAT32) {
        *status = cli_usage(program, "--precision is of the base, which --layer input does not run");
        return FALSE;
    }
    g_autoptr(GError) error = NULL;
    if ((raw->shard && !shard_parse(raw->shard, &options->shard, &options->shard_source, &error)) ||
        !augment_check(&options->augmentation, &error) ||
        (options->preview && !canvas_path_ok(options->preview, &error)) ||
        (options->sheet && !canvas_path_ok(options->sheet, &error))) {
        *status = cli_usage(program, "%s", error->message);
        return FALSE;
    }
    if (options->copies && !augment_active(&options->augmentation)) {
        *status = cli_usage(program, "--augment needs to be told how, by --rotation-range or another");
        return FALSE;
    }
    if (options->filter.classes && options->filter.first_classes) {
        *status = cli_usage(program, "--classes and --first-classes exclude one another");
        return FALSE;
    }
    return TRUE;
}

gboolean options_parse(Options *options, int argc, char **argv, Status *status)
{
    *options = (Options){.common = CLI_COMMON_DEFAULTS, .layer = "block5_pool", .preset = PRESET_VIPS};
    Raw raw = {.normalize = -1, .store = -1, .batch = BASE_DEFAULT_BATCH};
    const CliOption table[] = {
        {CLI_HEADING, "Instead of extracting", 0, NULL, NULL, NULL, 0, 0, 0},
        {CLI_FLAG, "info", 0, &raw.info, NULL, "print what CACHE holds and how it was made", 0, 0,
         CLI_MODE(ACTION_INFO)},
        {CLI_FLAG, "json", 0, &options->json, NULL, "as JSON", 0, 0, CLI_MODE(ACTION_INFO)},
        {CLI_FLAG, "verify", 0, &raw.verify, NULL, "read everything back and check every checksum", 0, 0,
         CLI_MODE(ACTION_VERIFY)},
        {CLI_TEXT, "export", 0, &options->export_folder, "DIR",
         "write features.npy, labels.npy and items.csv to DIR", 0, 0, CLI_MODE(ACTION_EXPORT)},
        {CLI_FLAG, "merge", 0, &raw.merge, NULL, "add what each SHARD holds to CACHE", 0, 0,
         CLI_MODE(ACTION_MERGE)},
        {CLI_TEXT, "check", 0, &options->check, "LIST|DIR",
         "say which images of a folder, or of a list of class/name lines, CACHE does not hold "
         "then",
         0, 0, CLI_MODE(ACTION_MERGE)},
        {CLI_TEXT, "import", 0, &options->import, "FEATURES.npy",
         "make CACHE of the features that another program computed", 0, 0, CLI_MODE(ACTION_IMPORT)},
        {CLI_TEXT, "made-by", 0, &raw.made_by, "TEXT", "what computed them (default: unknown)", 0, 0,
         CLI_MODE(ACTION_IMPORT)},
        {CLI_TEXT, "preview", 0, &options->preview, "FILE",
         "draw some images below IMAGE_DIR and augmented copies of them as PNG, SVG or PDF", 0, 0,
         CLI_MODE(ACTION_PREVIEW)},
        {CLI_FLAG, "duplicates", 0, &raw.duplicates, NULL,
         "list groups of images that have the same content or nearly the same features, in one CACHE or two",
         0, 0, CLI_MODE(ACTION_DUPLICATES)},
        {CLI_REAL, "similarity", 0, &raw.similarity, "S",
         "cosine of the features from which images are nearly the same (0: 0.99)", 0, 1,
         CLI_MODE(ACTION_DUPLICATES)},
        {CLI_TEXT, "sheet", 0, &options->sheet, "FILE", "draw the groups as PNG, SVG or PDF", 0, 0,
         CLI_MODE(ACTION_DUPLICATES)},
        {CLI_TEXT, "images", 0, &options->images, "DIR", "where the images of --sheet lie", 0, 0,
         CLI_MODE(ACTION_DUPLICATES)},
        DATASET_OPTIONS(&options->filter, ON_IMAGES),
        DATASET_CLASS_NAMES(&options->filter, ON_IMAGES),
        {CLI_TEXT, "shard", 0, &raw.shard, "I/N|auto",
         "only part I of N (from 0) of the images, by a hash of their names; auto takes I and N from Slurm, "
         "MPI, AWS "
         "Batch, or with auto/N from Kubernetes",
         0, 0, CLI_MODE(ACTION_EXTRACT)},
        {CLI_REAL, "split-test", 0, &options->split_test, "F",
         "set this share of each class aside to test on, in a cache CACHE.test; an image stays in its part "
         "when others "
         "come (0: none)",
         0, 0.9, CLI_MODE(ACTION_EXTRACT)},
        {CLI_FLAG, "prune", 0, &options->prune, NULL, "drop items whose file has gone from IMAGE_DIR", 0, 0,
         CLI_MODE(ACTION_EXTRACT)},
        {CLI_HEADING, "How", 0, NULL, NULL, NULL, 0, 0, 0},
        {CLI_TEXT, "weights", 'w', &options->weights, "FILE",
         "Keras HDF5 or torchvision safetensors; random[:SEED] for a seeded stand-in", 0, 0,
         CLI_MODE(ACTION_EXTRACT)},
        {CLI_ONE_OF, "preset", 0, &options->preset, PRESET_CHOICES, "from file to pixels", 0, 0,
         CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_PREVIEW)},
        {CLI_ONE_OF, "normalize", 0, &raw.normalize, "caffe|torch",
         "from pixels to tensor, where not as preset and weights have it", 0, 0, CLI_MODE(ACTION_EXTRACT)},
        {CLI_TEXT, "layer", 0, &options->layer, "NAME",
         "Keras layer whose output is stored; input for the tensor itself", 0, 0, CLI_MODE(ACTION_EXTRACT)},
        PRECISION_OPTION(&options->precision, CLI_MODE(ACTION_EXTRACT)),
        {CLI_ONE_OF, "store", 0, &raw.store, CACHE_STORE_CHOICES,
         "how CACHE stores features: sparse loses nothing and takes what is not zero, float16 rounds to half "
         "floats, "
         "float32 is as they are; a new cache: sparse, or merged from half floats: float16",
         0, 0, CLI_MODE(ACTION_EXTRACT) | CLI_MODE(ACTION_MERGE) | CLI_MODE(ACTION_IMPORT)},
        {CLI_INT, "batch", 0, &raw.batch, "N",
         "images the base takes at once; memory is 0.6 GB and 9 MB for each of them, and a kill loses so "
         "many",
         1, 256, CLI_MODE(ACTION_EXTRACT)},
        AUGMENT_OPTIONS(&options->augmentation, ON_IMAGES),
        {CLI_INT, "augment", 0, &raw.copies, "K",
         "store K copies of each image beside it, each augmented in another way (train --augmented-cache)", 0,
         10000, CLI_MODE(ACTION_EXTRACT)},
        CLI_COMMON_OPTIONS(&options->common),
        {0},
    };
    const CliProgram program = {"extract",     "features of images by VGG16's frozen base",
                                synopsis,      description,
                                table,         examples,
                                blas_describe, modes};
    options->arguments = cli_parse(&program, &options->common, argc, argv, status);
    return options->arguments && check(&program, &raw, options, status);
}

void options_clear(Options *options)
{
    g_strfreev(options->arguments);
    g_free(options->shard_source);
}
