#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"
#include "common/vgg16/weights_find.h"
#include "extract/actions.h"
#include "extract/copies.h"
#include "extract/plan.h"
#include "extract/shard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const Dataset *dataset;
    const Plan *plan;
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
    const FeatureSpec *spec = extraction->spec;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) content = image_file_read(work_item(extraction, index)->path, &error);
    gsize size;
    const guint8 *bytes = content ? g_bytes_get_data(content, &size) : NULL;
    if (content && image_decode(bytes, size, spec->preset, spec->side, IMAGE_MAX_PIXELS, rgb, &error)) {
        copies_hash(content, work_item(extraction, index)->key, extraction->how, note);
        return PRODUCED;
    }
    *reason = g_strdup(error->message);
    return REJECTED;
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
    g_autoptr(Pipeline) pipeline = pipeline_new(&pipeline_options);
    return pipeline_run(pipeline, extraction->plan->n_work, produce, consume, extraction, progress, error);
}

static gboolean has_gone(const char *folder, const char *path)
{
    struct stat status;
    guint copy;
    g_autofree char *image = g_strndup(path, cache_path_image(path, &copy));
    g_autofree char *file = g_build_filename(folder, image, NULL);
    return stat(file, &status) && (errno == ENOENT || errno == ENOTDIR);
}

static gboolean prune(CacheWriter *writer, const char *folder, guint *pruned, GError **error)
{
    g_autoptr(GPtrArray) paths = cache_writer_paths(writer, error);
    if (!paths)
        return FALSE;
    for (guint i = 0; i < paths->len; i++)
        if (has_gone(folder, paths->pdata[i])) {
            cache_writer_remove(writer, paths->pdata[i]);
            ++*pruned;
        }
    return cache_writer_commit(writer, error);
}

static Status summarise(const Extraction *extraction, guint pruned, const char *cache)
{
    guint done = extraction->added + extraction->changed + extraction->skipped + extraction->dropped;
    printf("%u new, %u unchanged, %u changed, %u skipped, %u pruned\n", extraction->added,
           extraction->plan->unchanged, extraction->changed, extraction->skipped, pruned);
    if (done < extraction->plan->n_work) {
        cli_warn(
            "interrupted with %u images to go; %s keeps what was computed: run the same command to continue",
            extraction->plan->n_work - done, cache);
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

Status extract_images(const Options *options, GError **error)
{
    const char *folder = options->arguments[0], *path = options->arguments[1];
    guint threads = (guint)options->common.threads, pruned = 0;
    image_startup("extract");
    g_autoptr(Dataset) dataset = dataset_scan(folder, &options->filter, error);
    g_autoptr(Weights) weights = NULL;
    if (!dataset)
        return STATUS_FAILED;
    if (strcmp(options->layer, "input") != 0 && !(weights = weights_open(options->weights, error)))
        return STATUS_FAILED;
    if (options->shard.count)
        take_shard(options, dataset);
    copies_add(dataset, options->copies);
    g_autofree char *how = copies_describe(&options->augmentation, (guint64)options->common.seed);
    g_autoptr(FeatureSpec) spec =
        feature_spec_new(weights, options->preset, options->has_normalize ? &options->normalize : NULL,
                         VGG16_SIDE, options->layer, error);
    CacheForm form = {.store = options->has_store ? &options->store : NULL, .shard = options->shard};
    g_autoptr(CacheWriter) writer = spec ? cache_writer_open(path, spec, &form, error) : NULL;
    if (!writer || (options->prune && !prune(writer, folder, &pruned, error)))
        return STATUS_FAILED;
    g_autoptr(Plan) plan = plan_new(dataset, writer, how, threads);
    if (!plan) {
        error_set(error, "interrupted before anything was computed for %s: run the same command to continue",
                  path);
        return STATUS_FAILED;
    }
    Extraction extraction = {.dataset = dataset,
                             .plan = plan,
                             .spec = spec,
                             .writer = writer,
                             .augmentation = &options->augmentation,
                             .seed = (guint64)options->common.seed,
                             .how = how};
    if (plan->n_work && !compute(&extraction, options, weights, error))
        return STATUS_FAILED;
    return summarise(&extraction, pruned, path);
}
