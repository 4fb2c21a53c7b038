/* extraction: image folders into caches, the way that extract takes by default. */
#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"
#include "common/vgg16/weights_find.h"
#include "extract/actions.h"
#include "extract/copies.h"
#include "extract/extraction_memory.h"
#include "extract/plan.h"
#include "extract/shard.h"
#include "extract/split.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const Dataset *dataset;
    const Plan *plan;
    Contents *contents; /* of the plan's work */
    const FeatureSpec *spec;
    CacheWriter *writer;
    const AugmentOptions *augmentation; /* of the copies among the items */
    guint64 seed;
    const char *how; /* both as text */
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

static gboolean consume(guint index, const float *features, const guint8 *hash, const char *reason,
                        gpointer user, GError **error)
{
    Extraction *extraction = user;
    const DatasetItem *item = work_item(extraction, index);
    if (!features) {
        skip(extraction, item, reason);
    } else {
        const char *class_name = extraction->dataset->classes->pdata[item->label];
        cache_writer_put(extraction->writer, item->key, class_name, hash, features);
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
                                        .batch = options->batch,
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

/* The names of all images of an archive, a set; of a folder an empty one. */
static GHashTable *archived_images(const Options *options, const Dataset *dataset, GError **error)
{
    const DatasetFilter everything = {.class_names = options->filter.class_names};
    g_autoptr(Dataset) all = dataset->archived ? dataset_scan(dataset->root, &everything, error) : NULL;
    if (dataset->archived && !all)
        return NULL;
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; all && i < all->items->len; i++)
        g_hash_table_add(names, g_strdup(((const DatasetItem *)all->items->pdata[i])->key));
    return names;
}

/* archived: of archived_images. */
static gboolean has_gone(const Dataset *dataset, GHashTable *archived, const char *path)
{
    struct stat status;
    guint copy;
    g_autofree char *image = g_strndup(path, cache_path_image(path, &copy));
    g_autofree char *file = g_build_filename(dataset->root, image, NULL);
    if (dataset->archived)
        return !g_hash_table_contains(archived, image);
    return stat(file, &status) && (errno == ENOENT || errno == ENOTDIR);
}

static gboolean prune(CacheWriter *writer, const Options *options, const Dataset *dataset, guint *pruned,
                      GError **error)
{
    g_autoptr(GHashTable) archived = archived_images(options, dataset, error);
    g_autoptr(GPtrArray) paths = archived ? cache_writer_paths(writer, error) : NULL;
    if (!paths)
        return FALSE;
    for (guint i = 0; i < paths->len; i++)
        if (has_gone(dataset, archived, paths->pdata[i])) {
            cache_writer_remove(writer, paths->pdata[i]);
            ++*pruned;
        }
    return cache_writer_commit(writer, error);
}

/* Prints the summary line of one cache. */
static Status summarise(const Extraction *extraction, guint pruned, const char *cache, gboolean named)
{
    guint done = extraction->added + extraction->changed + extraction->skipped + extraction->dropped;
    printf("%s%s%u new, %u unchanged, %u changed, %u skipped, %u pruned\n", named ? cache : "",
           named ? ": " : "", extraction->added, extraction->plan->unchanged, extraction->changed,
           extraction->skipped, pruned);
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
    gboolean has_tiles; /* spec has: those of the first cache that was opened */
} Run;

static void choose_tiles(FeatureSpec *spec, gpointer user)
{
    const Run *run = user;
    feature_spec_choose_tiles(spec, run->weights, (guint)run->options->common.threads);
}

static CacheWriter *open_writer(Run *run, const char *path, GError **error)
{
    const Options *options = run->options;
    CacheForm form = {.store = options->has_store ? &options->store : NULL,
                      .shard = options->shard,
                      .choose_tiles = run->has_tiles ? NULL : choose_tiles,
                      .user = run};
    CacheWriter *writer = cache_writer_open(path, run->spec, &form, error);
    if (writer)
        run->spec->tiles = cache_writer_feature_spec(writer)->tiles;
    run->has_tiles |= writer != NULL;
    return writer;
}

/* Brings one cache up to date with the dataset and `copies` augmented copies of each of its images. */
static Status extract_into(const Run *run, Dataset *dataset, guint copies, CacheWriter *writer,
                           const char *path, GError **error)
{
    const Options *options = run->options;
    guint pruned = 0;
    if (options->shard.count)
        take_shard(options, dataset);
    copies_add(dataset, copies);
    g_autofree char *how = copies_describe(&options->augmentation, (guint64)options->common.seed);
    if (options->prune && !prune(writer, options, dataset, &pruned, error))
        return STATUS_FAILED;
    g_autoptr(Plan) plan = plan_new(dataset, writer, how, (guint)options->common.threads, error);
    if (!plan)
        return STATUS_FAILED;
    Extraction extraction = {.dataset = dataset,
                             .plan = plan,
                             .spec = run->spec,
                             .writer = writer,
                             .augmentation = &options->augmentation,
                             .seed = (guint64)options->common.seed,
                             .how = how};
    if (plan->n_work && !compute(&extraction, options, run->weights, error))
        return STATUS_FAILED;
    return summarise(&extraction, pruned, path, options->split_test > 0);
}

/* The writer of an existing cache; *writer NULL if there is none. */
static gboolean open_existing(Run *run, const char *path, CacheWriter **writer, GError **error)
{
    return !g_file_test(path, G_FILE_TEST_IS_DIR) || (*writer = open_writer(run, path, error));
}

static gboolean open_missing(Run *run, const char *path, CacheWriter **writer, GError **error)
{
    return *writer || (*writer = open_writer(run, path, error));
}

/* The test part is extracted second, and no augmented copies of it. No cache is made where the images cannot be
 * divided. */
static Status extract_parts(Run *run, Dataset *dataset, GError **error)
{
    const char *path = run->options->arguments[1];
    g_autofree char *test_path = split_test_path(path);
    g_autoptr(CacheWriter) writer = NULL;
    g_autoptr(CacheWriter) test_writer = NULL;
    g_autoptr(Dataset) test = NULL;
    if (!open_existing(run, path, &writer, error) || !open_existing(run, test_path, &test_writer, error) ||
        !(test = split_test(dataset, run->options->split_test, writer, test_writer, error)) ||
        !open_missing(run, path, &writer, error) || !open_missing(run, test_path, &test_writer, error))
        return STATUS_FAILED;
    Status first = extract_into(run, dataset, run->options->copies, writer, path, error);
    if (first == STATUS_FAILED)
        return STATUS_FAILED;
    Status second = extract_into(run, test, 0, test_writer, test_path, error);
    return second == STATUS_DONE ? first : second;
}

static Status extract_whole(Run *run, Dataset *dataset, GError **error)
{
    const char *path = run->options->arguments[1];
    g_autofree char *test_path = split_test_path(path);
    if (g_file_test(test_path, G_FILE_TEST_IS_DIR)) {
        error_set(error,
                  "%s: its test images are in %s, and without --split-test they would be extracted for "
                  "training too: give --split-test again, or name another CACHE",
                  path, test_path);
        return STATUS_FAILED;
    }
    g_autoptr(CacheWriter) writer = open_writer(run, path, error);
    return writer ? extract_into(run, dataset, run->options->copies, writer, path, error) : STATUS_FAILED;
}

Status extract_images(const Options *options, GError **error)
{
    if (!image_file_startup("extract", error))
        return STATUS_FAILED;
    g_autoptr(Dataset) dataset = dataset_scan(options->arguments[0], &options->filter, error);
    g_autoptr(Weights) weights = NULL;
    if (!dataset || !extraction_memory_check(options, error))
        return STATUS_FAILED;
    if (strcmp(options->layer, "input") != 0 && !(weights = weights_open(options->weights, error)))
        return STATUS_FAILED;
    g_autoptr(FeatureSpec) spec =
        feature_spec_new(weights, options->preset, options->has_normalize ? &options->normalize : NULL,
                         VGG16_SIDE, options->layer, error);
    if (!spec)
        return STATUS_FAILED;
    spec->precision = options->precision;
    Run run = {options, weights, spec, FALSE};
    return (options->split_test > 0 ? extract_parts : extract_whole)(&run, dataset, error);
}
