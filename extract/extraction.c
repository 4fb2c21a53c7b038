/* extraction: image folders into caches, the way that extract takes by default. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/memory_plan.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"
#include "common/vgg16/weights_find.h"
#include "extract/actions.h"
#include "extract/copies.h"
#include "extract/follow.h"
#include "extract/plan.h"
#include "extract/shard.h"
#include "extract/split.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const Dataset *dataset;
    const Plan *plan;
    Contents *contents; /* of the plan's work */
    const FeatureSpec *spec;
    CacheWriter *writer;
    const AugmentOptions *augmentation; /* of the copies among the items */
    guint64 seed;
    const char *how; /* both as text */
    gboolean verbose;
    const Follow *follow;
    guint added, changed, skipped;
    guint dropped; /* copies of skipped images */
} Extraction;

static const DatasetItem *work_item(const Extraction *extraction, guint index)
{
    return extraction->dataset->items->pdata[extraction->plan->work[index]];
}

static Produced produce(guint index, guint8 *rgb, guint8 *note, char **reason, gpointer user)
{
    const Extraction *extraction = user;
    g_autoptr(GBytes) content = NULL;
    Produced produced =
        pipeline_decode_from(extraction->contents, index, extraction->spec, rgb, &content, reason);
    if (produced == PRODUCED)
        copies_hash(content, work_item(extraction, index)->key, extraction->how, note);
    return produced;
}

static void prepare(guint index, const guint8 *rgb, float *tensor, gpointer user)
{
    const Extraction *extraction = user;
    const FeatureSpec *spec = extraction->spec;
    const char *key = work_item(extraction, index)->key;
    guint copy;
    g_autofree char *image = g_strndup(key, cache_path_image(key, &copy));
    Augmentation drawn = augment_draw(extraction->augmentation, extraction->seed, image, copy, spec->side);
    if (copy)
        augment_tensor(rgb, spec->side, &drawn, spec->normalization, tensor);
    else
        image_normalize(rgb, spec->side, spec->normalization, tensor);
}

/* A bad file is named once; its copies are dropped. */
static void skip(Extraction *extraction, const DatasetItem *item, const char *reason)
{
    guint copy;
    cache_path_image(item->key, &copy);
    if (copy) {
        cache_writer_remove(extraction->writer, item->key);
        extraction->dropped++;
        return;
    }
    cli_warn("%s: %s", item->path, reason);
    cache_writer_skip(extraction->writer, item->key, reason);
    extraction->skipped++;
}

static void remark_on(const DatasetItem *item, const char *remark)
{
    guint copy;
    cache_path_image(item->key, &copy);
    if (!copy)
        cli_remark("%s: whole, but libjpeg warns of it: %s", item->path, remark);
}

static gboolean consume(guint index, const float *features, const guint8 *hash, const char *reason,
                        gpointer user, GError **error)
{
    Extraction *extraction = user;
    const DatasetItem *item = work_item(extraction, index);
    if (!features) {
        skip(extraction, item, reason);
    } else {
        if (reason && extraction->verbose)
            remark_on(item, reason);
        CacheLabel label = follow_label(extraction->follow, extraction->dataset, item);
        cache_writer_put_labelled(extraction->writer, item->key, &label, hash, features);
        if (extraction->plan->states[extraction->plan->work[index]] == IMAGE_CHANGED)
            extraction->changed++;
        else
            extraction->added++;
    }
    return TRUE;
}

static gboolean commit(gpointer user, GError **error)
{
    const Extraction *extraction = user;
    return cache_writer_commit(extraction->writer, error);
}

static gboolean compute(Extraction *extraction, const Options *options, const Weights *weights,
                        GError **error)
{
    PipelineOptions pipeline_options = {.weights = weights,
                                        .spec = extraction->spec,
                                        .batch = (int)options->batch,
                                        .threads = (guint)options->common.threads,
                                        .prepare = prepare,
                                        .batch_done = commit};
    g_autoptr(Progress) progress = progress_new("Extracting", extraction->plan->n_work, "images");
    g_autoptr(Contents) contents =
        contents_open(extraction->dataset, extraction->plan->work, extraction->plan->n_work, error);
    g_autoptr(Pipeline) pipeline = contents ? pipeline_new(&pipeline_options, error) : NULL;
    extraction->contents = contents;
    return pipeline &&
           pipeline_run(pipeline, extraction->plan->n_work, produce, consume, extraction, progress, error);
}

/* Prints the summary line of one cache. */
static Status summarise(const Extraction *extraction, const FollowCounts *counts, const Options *options,
                        const char *cache)
{
    gboolean named = options->split_test > 0;
    guint done = extraction->added + extraction->changed + extraction->skipped + extraction->dropped;
    printf("%s%s%u new, %u unchanged, %u changed, %u moved, %u copied, %u %s, %u skipped\n",
           named ? cache : "", named ? ": " : "", extraction->added,
           extraction->plan->unchanged - counts->moved - counts->copied, extraction->changed, counts->moved,
           counts->copied, counts->missing, options->prune ? "pruned" : "missing", extraction->skipped);
    if (done < extraction->plan->n_work) {
        guint left = extraction->plan->n_work - done;
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

/* What all caches of one run have in common. */
typedef struct {
    const Options *options;
    const Weights *weights; /* NULL for the layer "input" */
    FeatureSpec *spec;
    gboolean has_tiles; /* spec has the tiles and the way with metadata of the first cache that was opened */
} Run;

static void choose_tiles(FeatureSpec *spec, gpointer user)
{
    const Run *run = user;
    feature_spec_choose_tiles(spec, run->weights, (guint)run->options->common.threads);
}

static CacheWriter *open_writer(Run *run, const char *path, GError **error)
{
    const Options *options = run->options;
    CacheForm form = {.store = options->store,
                      .shard = options->shard,
                      .choose_tiles = run->has_tiles ? NULL : choose_tiles,
                      .user = run};
    CacheWriter *writer = cache_writer_open(path, run->spec, &form, error);
    if (writer) {
        run->spec->tiles = cache_writer_feature_spec(writer)->tiles;
        run->spec->metadata = cache_writer_feature_spec(writer)->metadata;
    }
    run->has_tiles |= writer != NULL;
    return writer;
}

enum { TRAIN, TEST, PARTS };

/* The caches of a run; the test part is used with --split-test only. */
typedef struct {
    const char *paths[PARTS];
    CacheWriter *writers[PARTS];
    Follow *follow;
} Caches;

static void caches_clear(Caches *caches)
{
    follow_free(caches->follow);
    for (guint part = 0; part < PARTS; part++)
        cache_writer_close(caches->writers[part]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Caches, caches_clear)

/* Images that are unchanged, but are of another class by a table, count as moved. */
static gboolean relabel_unchanged(const Caches *caches, guint part, const Dataset *dataset, const Plan *plan,
                                  FollowCounts *counts, GError **error)
{
    guint n = dataset->items->len, relabelled;
    g_autofree guint8 *unchanged = g_new0(guint8, n + 1);
    for (guint i = 0; i < n; i++)
        unchanged[i] = plan->states[i] == IMAGE_UNCHANGED;
    if (!follow_relabel(caches->follow, dataset, part, unchanged, &relabelled, error))
        return FALSE;
    if (relabelled)
        cli_remark("%u %s another class by the table", relabelled,
                   plural(relabelled, "image has", "images have"));
    counts->moved += relabelled;
    return TRUE;
}

/* Brings one of the caches up to date with its images. Those to test on have no augmented copies. */
static Status extract_into(const Run *run, const Caches *caches, guint part, Dataset *dataset, GError **error)
{
    const Options *options = run->options;
    CacheWriter *writer = caches->writers[part];
    FollowCounts counts;
    if (!follow_apply(caches->follow, dataset, part, caches->paths[part], &counts, error))
        return STATUS_FAILED;
    copies_add(dataset, part == TEST ? 0 : (guint)options->copies);
    g_autofree char *how = copies_describe(&options->augmentation, (guint64)options->common.seed);
    g_autoptr(Plan) plan = plan_new(dataset, writer, how, (guint)options->common.threads, error);
    if (!plan)
        return STATUS_FAILED;
    Extraction extraction = {.dataset = dataset,
                             .plan = plan,
                             .spec = run->spec,
                             .writer = writer,
                             .augmentation = &options->augmentation,
                             .seed = (guint64)options->common.seed,
                             .how = how,
                             .verbose = options->verbose,
                             .follow = caches->follow};
    if (!relabel_unchanged(caches, part, dataset, plan, &counts, error))
        return STATUS_FAILED;
    if (plan->n_work && !compute(&extraction, options, run->weights, error))
        return STATUS_FAILED;
    return summarise(&extraction, &counts, options, caches->paths[part]);
}

/* The test part is extracted second. No cache is made where the images cannot be divided. */
static Status extract_parts(Run *run, Dataset *dataset, GError **error)
{
    const Options *options = run->options;
    g_autofree char *test_path = split_test_path(options->arguments[1]);
    g_auto(Caches) caches = {.paths = {options->arguments[1], test_path}};
    for (guint part = 0; part < PARTS; part++)
        if (g_file_test(caches.paths[part], G_FILE_TEST_IS_DIR) &&
            !(caches.writers[part] = open_writer(run, caches.paths[part], error)))
            return STATUS_FAILED;
    caches.follow = follow_new(dataset, caches.writers, PARTS, options, error);
    g_autoptr(Dataset) test =
        caches.follow ? split_test(dataset, options->split_test, caches.follow, error) : NULL;
    if (!test)
        return STATUS_FAILED;
    Status status = STATUS_DONE;
    for (guint part = 0; part < PARTS; part++)
        if (!caches.writers[part] && !(caches.writers[part] = open_writer(run, caches.paths[part], error)))
            return STATUS_FAILED;
    for (guint part = 0; part < PARTS; part++) {
        Dataset *images = part == TEST ? test : dataset;
        if (options->shard.count)
            take_shard(options, images);
        Status done = extract_into(run, &caches, part, images, error);
        if (done == STATUS_FAILED)
            return done;
        status = MAX(status, done);
    }
    return status;
}

static Status extract_whole(Run *run, Dataset *dataset, GError **error)
{
    const Options *options = run->options;
    const char *path = options->arguments[1];
    g_autofree char *test_path = split_test_path(path);
    if (g_file_test(test_path, G_FILE_TEST_IS_DIR)) {
        error_set(error,
                  "%s: its test images are in %s, and without --split-test they would be extracted for "
                  "training too: give --split-test again, or name another CACHE",
                  path, test_path);
        return STATUS_FAILED;
    }
    if (options->shard.count)
        take_shard(options, dataset);
    g_auto(Caches) caches = {.paths = {path}};
    gboolean open = (caches.writers[TRAIN] = open_writer(run, path, error)) &&
                    (caches.follow = follow_new(dataset, caches.writers, 1, options, error));
    return open ? extract_into(run, &caches, TRAIN, dataset, error) : STATUS_FAILED;
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
    if (vgg16_find(options->layer) >= 0)
        memory_add(&need, weights_memory(vgg16_find(options->layer)));
    memory_add(&need, image_file_memory((guint)threads));
    memory_add(&need, cache_writer_memory(spec, (guint)batch));
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
    if (!image_file_startup("extract", error))
        return STATUS_FAILED;
    g_autoptr(Dataset) dataset = dataset_scan(options->arguments[0], &options->filter, error);
    g_autoptr(Weights) weights = NULL;
    if (!dataset || !memory_check(options, error))
        return STATUS_FAILED;
    if (options->prune && dataset->unread) {
        error_set(
            error,
            "--prune: %u %s of %s cannot be read, and %s images would seem to have gone: mend or remove %s "
            "first (without --prune %s named)",
            dataset->unread, plural(dataset->unread, "entry", "entries"), dataset->root,
            plural(dataset->unread, "its", "their"), plural(dataset->unread, "it", "them"),
            plural(dataset->unread, "it is", "they are"));
        return STATUS_FAILED;
    }
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
    Run run = {options, weights, spec, FALSE};
    Status status = (options->split_test > 0 ? extract_parts : extract_whole)(&run, dataset, error);
    guint turned = image_file_turned();
    if (turned)
        cli_remark("%u %s turned upright, as EXIF's orientation asks for", turned,
                   plural(turned, "image was", "images were"));
    return status;
}
