/* extraction: image folders into caches, the way that extract takes by default. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/memory_plan.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/dataset/partition.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"
#include "extract/actions.h"
#include "extract/follow.h"
#include "extract/shard.h"

#include <stdio.h>
#include <string.h>

enum { TRAIN, TEST, PARTS };

/* The caches of a run; the test part is used with --split-test only. */
typedef struct {
    const Options *options;
    const Weights *weights; /* NULL for the layer "input" */
    FeatureSpec *spec;      /* with the tiles and the way with metadata of the first cache that was opened */
    const char *paths[PARTS];
    CacheWriter *writers[PARTS];
    Follow *follow;
} Run;

static void run_clear(Run *run)
{
    follow_free(run->follow);
    for (guint part = 0; part < PARTS; part++)
        cache_writer_close(run->writers[part]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* Of the images of one cache. */
typedef struct {
    PipelineImages images; /* first; of the plan's work */
    const Run *run;
    Plan *plan;
    guint skipped;
    guint done; /* with copies of skipped images */
} Extraction;

static void prepare(guint index, const guint8 *rgb, float *tensor, gpointer user)
{
    const Extraction *extraction = user;
    const Options *options = extraction->run->options;
    const FeatureSpec *spec = extraction->run->spec;
    const char *key = contents_item(extraction->images.contents, index)->key;
    guint copy = cache_path_copy(key);
    g_autofree char *image = cache_path_image(key);
    Augmentation drawn =
        augment_draw(&options->augmentation, (guint64)options->common.seed, image, copy, spec->side);
    if (copy)
        augment_tensor(rgb, spec->side, &drawn, spec->normalization, tensor);
    else
        image_normalize(rgb, spec->side, spec->normalization, tensor);
}

/* A bad file is named once; its copies are dropped. */
static void skip(Extraction *extraction, const DatasetItem *item, const char *reason)
{
    if (cache_path_copy(item->key)) {
        cache_writer_remove(extraction->plan->writer, item->key);
        return;
    }
    cli_warn("%s: %s", item->path, reason);
    cache_writer_skip(extraction->plan->writer, item->key, reason);
    extraction->skipped++;
}

static gboolean consume(guint index, const float *features, const guint8 *content, const char *reason,
                        gpointer user, GError **error)
{
    Extraction *extraction = user;
    const Contents *contents = extraction->images.contents;
    const DatasetItem *item = contents_item(contents, index);
    extraction->done++;
    if (!features) {
        skip(extraction, item, reason);
        return TRUE;
    }
    if (reason && extraction->run->options->verbose && !cache_path_copy(item->key))
        cli_remark("%s: whole, but libjpeg warns of it: %s", item->path, reason);
    plan_put(extraction->plan, contents_index(contents, index), content, features);
    return TRUE;
}

static gboolean commit(gpointer user, GError **error)
{
    const Extraction *extraction = user;
    return cache_writer_commit(extraction->plan->writer, error);
}

static gboolean compute(Extraction *extraction, GError **error)
{
    const Run *run = extraction->run;
    const Plan *plan = extraction->plan;
    PipelineOptions options = {.weights = run->weights,
                               .spec = run->spec,
                               .batch = (int)run->options->batch,
                               .threads = (guint)run->options->common.threads,
                               .prepare = prepare,
                               .batch_done = commit};
    g_autoptr(Progress) progress = progress_new("Extracting", plan->n_work, "images");
    g_autoptr(Contents) contents = contents_open(plan->dataset, plan->work, plan->n_work, error);
    g_autoptr(Pipeline) pipeline = contents ? pipeline_new(&options, error) : NULL;
    extraction->images = (PipelineImages){contents, run->spec};
    return pipeline &&
           pipeline_run(pipeline, plan->n_work, pipeline_produce, consume, extraction, progress, error);
}

/* Prints the summary line of one cache. */
static Status summarise(const Extraction *extraction)
{
    const Options *options = extraction->run->options;
    const Plan *plan = extraction->plan;
    const char *cache = extraction->run->paths[plan->part];
    gboolean named = options->split_test > 0;
    guint left = plan->n_work - extraction->done;
    printf("%s%s%u new, %u unchanged, %u changed, %u moved, %u copied, %u %s, %u skipped\n",
           named ? cache : "", named ? ": " : "", plan->added, plan->unchanged, plan->changed, plan->moved,
           plan->copied, plan->missing, options->prune ? "pruned" : "missing", extraction->skipped);
    if (left) {
        cli_warn("interrupted with %u %s to go; %s keeps what was computed: run the same command to continue",
                 left, plural(left, "image", "images"), cache);
        return STATUS_FAILED;
    }
    return extraction->skipped ? STATUS_SKIPPED : STATUS_DONE;
}

static void take_shard(const Options *options, Dataset *dataset)
{
    CacheShard shard = options->shard;
    guint all = dataset->items->len;
    shard_keep(shard, dataset);
    cli_remark("shard %u/%u%s%s: %u of %u images", shard.index, shard.count,
               options->shard_source ? ", from " : "", options->shard_source ? options->shard_source : "",
               dataset->items->len, all);
}

static void choose_tiles(FeatureSpec *spec, gpointer user)
{
    const Run *run = user;
    feature_spec_choose_tiles(spec, run->weights, (guint)run->options->common.threads);
}

static CacheWriter *open_writer(Run *run, const char *path, GError **error)
{
    const Options *options = run->options;
    gboolean first = !run->writers[TRAIN] && !run->writers[TEST];
    CacheForm form = {.store = options->store,
                      .shard = options->shard,
                      .choose_tiles = first ? choose_tiles : NULL,
                      .user = run};
    CacheWriter *writer = cache_writer_open(path, run->spec, &form, error);
    if (writer) {
        run->spec->tiles = writer->spec->tiles;
        run->spec->metadata = writer->spec->metadata;
    }
    return writer;
}

static gboolean open_writers(Run *run, guint parts, gboolean make, GError **error)
{
    for (guint part = 0; part < parts; part++)
        if (!run->writers[part] && (make || g_file_test(run->paths[part], G_FILE_TEST_IS_DIR)) &&
            !(run->writers[part] = open_writer(run, run->paths[part], error)))
            return FALSE;
    return TRUE;
}

/* Brings one of the caches up to date with its images. */
static Status extract_part(const Run *run, guint part, Dataset *dataset, GError **error)
{
    g_autoptr(Plan) plan = follow_plan(run->follow, dataset, part, error);
    Extraction extraction = {.run = run, .plan = plan};
    if (!plan || (plan->n_work && !compute(&extraction, error)))
        return STATUS_FAILED;
    return summarise(&extraction);
}

/* CACHE.test: where the test part of CACHE is kept. Caller frees. */
static char *split_test_path(const char *cache)
{
    gsize length = strlen(cache);
    while (length > 1 && cache[length - 1] == '/')
        length--;
    return g_strdup_printf("%.*s.test", (int)length, cache);
}

/* Moves the test part of dataset to a new dataset with the same classes, by the rules of partition.h. An image stays in the
 * cache that already has it, or has its content, so that images trained on are never tested on later; a table's column
 * split decides about new ones. Groups stay together. NULL and error if a class has only one image, or one of the caches
 * already has all of a class's images. */
static Dataset *split_test(Dataset *dataset, double share, const Follow *follow, GError **error)
{
    guint n = dataset->items->len;
    g_autofree PartitionItem *items = partition_items(dataset);
    g_autofree const char **groups = g_new0(const char *, n + 1);
    g_autofree gboolean *taken = g_new0(gboolean, n + 1);
    for (guint i = 0; i < n; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        int place = follow_part(follow, item);
        items[i].place = place < 0 && dataset->parted ? item->test : place;
        groups[i] = follow_label(follow, item).group;
    }
    partition_group(items, n, groups);
    if (!partition(items, n, share, (const char *const *)dataset->classes->pdata, dataset->classes->len,
                   "--split-test", error))
        return NULL;
    for (guint i = 0; i < n; i++)
        taken[i] = items[i].place == 1;
    return dataset_take(dataset, taken);
}

/* The test part, if there is one, is extracted second. No cache is made where the images cannot be divided, which all shards
 * are for alike: each takes its own only then. */
static Status extract_parts(Run *run, Dataset *dataset, GError **error)
{
    const Options *options = run->options;
    guint parts = options->split_test > 0 ? PARTS : 1;
    g_autoptr(Dataset) test = NULL;
    Status status = STATUS_DONE;
    if (options->shard.count && parts == 1)
        take_shard(options, dataset);
    if (!open_writers(run, parts, FALSE, error) ||
        !(run->follow = follow_new(dataset, run->writers, parts, options, error)) ||
        (parts > 1 && !(test = split_test(dataset, options->split_test, run->follow, error))) ||
        !open_writers(run, parts, TRUE, error))
        return STATUS_FAILED;
    for (guint part = 0; part < parts && status != STATUS_FAILED; part++) {
        Dataset *images = part == TEST ? test : dataset;
        if (options->shard.count && parts > 1)
            take_shard(options, images);
        Status done = extract_part(run, part, images, error);
        status = done == STATUS_FAILED ? done : MAX(status, done);
    }
    return status;
}

/* What would go wrong with the images that are there, before any is computed. */
static gboolean check_images(const Options *options, const Dataset *dataset, const char *test_path,
                             GError **error)
{
    if (options->prune && dataset->unread)
        return error_set(
            error,
            "--prune: %u %s of %s cannot be read, and %s images would seem to have gone: mend or remove %s "
            "first (without --prune %s named)",
            dataset->unread, plural(dataset->unread, "entry", "entries"), dataset->root,
            plural(dataset->unread, "its", "their"), plural(dataset->unread, "it", "them"),
            plural(dataset->unread, "it is", "they are"));
    if (options->split_test <= 0 && g_file_test(test_path, G_FILE_TEST_IS_DIR))
        return error_set(
            error,
            "%s: its test images are in %s, and without --split-test they would be extracted for "
            "training too: give --split-test again, or name another CACHE",
            options->arguments[1], test_path);
    return TRUE;
}

/* ---- Memory ---- */

/* A feature specification of the right shape, for what does not depend on the weights. */
static FeatureSpec *shape_of(const Options *options)
{
    Normalization any = NORMALIZE_UNIT;
    FeatureSpec *spec =
        feature_spec_new(NULL, options->preset, &any, (int)options->side, options->layer, NULL);
    feature_spec_pool(spec, options->pool, NULL);
    return spec;
}

static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const Options *options = user;
    gint64 batch = values[0], threads = values[1];
    g_autoptr(FeatureSpec) spec = shape_of(options);
    PipelineOptions pipeline = {.spec = spec, .batch = (int)batch, .threads = (guint)threads};
    MemoryNeed need = pipeline_memory(&pipeline);
    memory_add(&need, cache_writer_memory(options->arguments[1], spec, (guint)batch));
    if (options->split_test > 0) { /* the two are written one after the other */
        g_autofree char *test_path = split_test_path(options->arguments[1]);
        need.address += cache_writer_memory(test_path, spec, (guint)batch).address;
    }
    need.address += memory_of_threads((guint)threads).address; /* that compared images with the cache */
    return need;
}

static gboolean memory_check(const Options *options, GError **error)
{
    const MemoryPlan plan = {.what = "running images through the base",
                             .settings = {{"batch", options->batch}, {"threads", options->common.threads}},
                             .need = need_of,
                             .user = (gpointer)options};
    return memory_plan_check(&plan, error);
}

/* ---- The run ---- */

Status extract_images(const Options *options, GError **error)
{
    if (!image_file_startup("extract", error)) /* while there is no cache to inherit */
        return STATUS_FAILED;
    g_autoptr(Dataset) dataset = dataset_scan(options->arguments[0], &options->filter, error);
    g_autoptr(Weights) weights = NULL;
    g_autofree char *test_path = split_test_path(options->arguments[1]);
    if (!dataset || !memory_check(options, error) || !check_images(options, dataset, test_path, error))
        return STATUS_FAILED;
    g_autofree char *passed = dataset_passed(dataset);
    if (passed)
        cli_remark("passed over in %s: %s", dataset->root, passed);
    if (strcmp(options->layer, "input") != 0 &&
        !(weights = weights_open(options->weights, vgg16_find(options->layer), error)))
        return STATUS_FAILED;
    g_autoptr(FeatureSpec) spec = feature_spec_new(weights, options->preset, options->normalize,
                                                   (int)options->side, options->layer, error);
    if (!spec || !feature_spec_pool(spec, options->pool, error))
        return STATUS_FAILED;
    spec->fit = options->fit;
    g_auto(Run) run = {
        .options = options, .weights = weights, .spec = spec, .paths = {options->arguments[1], test_path}};
    Status status = extract_parts(&run, dataset, error);
    guint turned = image_file_turned();
    if (turned)
        cli_remark("%u %s turned upright, as EXIF's orientation asks for", turned,
                   plural(turned, "image was", "images were"));
    return status;
}
