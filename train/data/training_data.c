/* training_data: see training_data.h. */
#include "train/data/training_data.h"

#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/plural.h"

#include <string.h>

enum {
    UNFREEZE_DEFAULT = 2, /* the study's: block5_conv3, block5_pool */
    SUMMARY_CLASSES = 10, /* of a summary without images: the study's */
};

char *training_data_saved(const TrainingData *data)
{
    guint64 fetched = 0, kept = 0;
    double seconds = 0; /* of the base, for what was kept */
    if (!data->images)
        return NULL;
    for (int i = 0; i < 2; i++) {
        if (!data->imaged[i])
            continue;
        ImageSourceWork work = image_source_work(data->imaged[i]);
        fetched += work.fetched;
        kept += work.fetched - work.computed;
        if (work.computed)
            seconds += (double)(work.fetched - work.computed) * work.seconds / (double)work.computed;
    }
    if (fetched <= data->images->count)
        return NULL;
    guint64 decodings = fetched - data->images->count;
    g_autofree char *decoding =
        progress_clock((double)decodings * data->images->seconds / data->images->count);
    GString *text = g_string_new(NULL);
    g_string_printf(text,
                    "kept between epochs: %u decoded %s, which saved decoding %" G_GUINT64_FORMAT " %s (%s)",
                    data->images->count, plural(data->images->count, "image", "images"), decodings,
                    plural(decodings, "time", "times"), decoding);
    if (*data->spec->weights_hash && kept) {
        g_autofree char *base = progress_clock(seconds);
        g_string_append_printf(
            text,
            "; features of images that no augmentation changes, which saved %" G_GUINT64_FORMAT
            " %s of the base (%s)",
            kept, plural(kept, "run", "runs"), base);
    }
    return g_string_free(text, FALSE);
}

void training_data_free(TrainingData *data)
{
    if (!data)
        return;
    for (int i = 0; i < 2; i++) {
        cache_source_clear(&data->cached[i]);
        split_part_clear(&data->parts[i]);
    }
    cache_close(data->cache);
    cache_close(data->other);
    for (int i = 0; i < 2; i++)
        image_source_free(data->imaged[i]);
    pipeline_free(data->pipeline);
    decoded_images_free(data->images);
    dataset_free(data->dataset);
    feature_spec_free(data->spec);
    g_clear_pointer(&data->classes, g_ptr_array_unref);
    g_clear_pointer(&data->trained_on, g_array_unref);
    g_clear_pointer(&data->identity, g_checksum_free);
    g_free(data);
}

/* Parts the images and says which are trained on. */
static gboolean part_images(TrainingData *data, const Dataset *images, double split, GError **error)
{
    guint classes = images->classes->len, used = 0;
    g_autofree guint *per_class = g_new0(guint, classes + 1);
    for (guint i = 0; i < images->items->len; i++)
        used += per_class[((const DatasetItem *)images->items->pdata[i])->label]++ == 0;
    for (guint c = 0; data->images && c < classes; c++)
        if (!per_class[c])
            return error_set(error, "%s: none of the images of its class %s could be read", images->root,
                             (const char *)images->classes->pdata[c]);
    if (used < 2)
        return error_set(error, "%s: it has %s, but a classifier needs at least two", images->root,
                         used ? "one class only" : "no class");
    if (!split_parts(images, split, data->choice->validation_order, data->parts, error))
        return FALSE;
    data->trained_on = split_trained_on(images, &data->parts[0]);
    data->identity = g_checksum_new(G_CHECKSUM_SHA256);
    feature_spec_identify(data->spec, data->identity);
    return TRUE;
}

/* Adds what the rows and labels of a part depend on. */
static void identify(TrainingData *data, const Dataset *images, const SplitPart *part)
{
    for (guint i = 0; i < part->count; i++) {
        const DatasetItem *item = images->items->pdata[part->items[i]];
        const char *class = images->classes->pdata[part->labels[i]];
        g_checksum_update(data->identity, (const guchar *)item->key, (gssize)strlen(item->key) + 1);
        g_checksum_update(data->identity, (const guchar *)class, (gssize)strlen(class) + 1);
        g_checksum_update(data->identity, item->hash, sizeof item->hash);
    }
}

/* ---- From caches ---- */
static gboolean split_cache(TrainingData *data, GError **error)
{
    double split = data->choice->validation ? 0 : data->choice->validation_split;
    g_autoptr(Dataset) images = cache_dataset(data->cache);
    data->spec = feature_spec_copy(data->cache->spec);
    data->classes = g_ptr_array_ref(images->classes);
    if (!part_images(data, images, split, error))
        return FALSE;
    cache_remark_left_out(data->cache);
    for (int i = 0; i < 2; i++) {
        data->cached[i] = (CacheSource){.cache = data->cache, .part = &data->parts[i]};
        identify(data, images, &data->parts[i]);
    }
    return TRUE;
}

static gboolean draw_copies(TrainingData *data, guint64 seed, GError **error)
{
    CacheSource *source = &data->cached[0];
    if (!cache_source_draw_copies(source, (guint)data->choice->copies, seed, error))
        return FALSE;
    for (gsize i = 0; i < (gsize)source->part->count * source->copies; i++)
        g_checksum_update(data->identity, cache_item(data->cache, source->copy_items[i])->hash, CACHE_HASH);
    return TRUE;
}

static gboolean open_other(TrainingData *data, const char *path, GError **error)
{
    if (!(data->cached[1].cache = data->other = cache_open(path, error)))
        return FALSE;
    cache_remark_left_out(data->other);
    g_autoptr(Dataset) others = cache_source_other(data->other, data->cache, error);
    split_part_clear(&data->parts[1]);
    if (!others)
        return FALSE;
    data->parts[1] = split_part(others, NULL, FALSE);
    identify(data, others, &data->parts[1]);
    return TRUE;
}

TrainingData *training_data_from_cache(const SourceChoice *choice, guint64 seed, GError **error)
{
    g_autoptr(TrainingData) data = g_new0(TrainingData, 1);
    data->choice = choice;
    return (data->cache = cache_open(choice->cache, error)) &&
                   cache_choose(data->cache, &choice->filter, error) && split_cache(data, error) &&
                   (!choice->augmented_cache || draw_copies(data, seed, error)) &&
                   (!choice->validation || open_other(data, choice->validation, error))
               ? g_steal_pointer(&data)
               : NULL;
}

/* ---- From images ---- */
/* The base's layer whose output is a row. */
static const char *cut_of(const NetworkChoice *model)
{
    const ApproachTraits *traits = &approach_traits[model->approach];
    gint64 learning = model->unfreeze ? model->unfreeze : UNFREEZE_DEFAULT;
    return traits->base ? vgg16_layers[VGG16_LAYERS - 1 - (traits->base_learns ? learning : 0)].name
                        : "input";
}

/* weights: NULL without a base, or as long as they are not loaded, for all that they do not decide. */
static FeatureSpec *spec_of(const TrainingData *data, const Weights *weights, GError **error)
{
    const ApproachTraits *traits = &approach_traits[data->model->approach];
    Normalization unit = NORMALIZE_UNIT;
    g_autoptr(FeatureSpec) spec = feature_spec_new(weights, data->choice->preset, weights ? NULL : &unit,
                                                   traits->side, cut_of(data->model), error);
    if (!spec || !feature_spec_pool(spec, traits->base_learns ? POOL_NONE : data->model->pool, error))
        return NULL;
    spec->fit = data->choice->fit;
    return g_steal_pointer(&spec);
}

static gboolean scan(TrainingData *data, GError **error)
{
    const char *folder = data->choice->folder;
    if (!folder) { /* for a summary */
        data->classes = g_ptr_array_new_with_free_func(g_free);
        for (int c = 0; c < SUMMARY_CLASSES; c++)
            g_ptr_array_add(data->classes, g_strdup_printf("class %d", c));
        return TRUE;
    }
    if (g_file_test(folder, G_FILE_TEST_IS_REGULAR))
        return error_set(error,
                         "%s: is not a folder of images; unpack the archive, or train on a cache that "
                         "extract made from it",
                         folder);
    data->dataset = dataset_scan(folder, &data->choice->filter, error);
    if (!data->dataset)
        return FALSE;
    if (data->dataset->classes->len < 2)
        return error_set(error, "%s: it has images of only one class, but a classifier needs at least two",
                         folder);
    data->classes = g_ptr_array_ref(data->dataset->classes);
    return TRUE;
}

static gboolean make_sources(TrainingData *data, const char *beside, guint64 seed, GError **error)
{
    BatchSource *sources[2] = {&data->training, &data->validation};
    const AugmentOptions *augmentation = &data->choice->augmentation;
    ImageSourceOptions source = {.images = data->images,
                                 .pipeline = data->pipeline,
                                 .normalization = data->spec->normalization,
                                 .features = feature_spec_features(data->spec),
                                 .beside = beside,
                                 .seed = seed};
    for (int i = 0; i < 2; i++) {
        source.augmentation = i == 0 && augment_active(augmentation) ? augmentation : NULL;
        if (!(data->imaged[i] = image_source_new(&source, &data->parts[i], error)))
            return FALSE;
        *sources[i] = image_source_batches(data->imaged[i]);
    }
    return TRUE;
}

TrainingData *training_data_from_images(const SourceChoice *choice, const NetworkChoice *model,
                                        GError **error)
{
    g_autoptr(TrainingData) data = g_new0(TrainingData, 1);
    data->choice = choice;
    data->model = model;
    data->spec = spec_of(data, NULL, error);
    return data->spec && scan(data, error) ? g_steal_pointer(&data) : NULL;
}

static gboolean load_images(TrainingData *data, const CliCommon *common, const char *beside,
                            const Weights *weights, GError **error)
{
    guint threads = (guint)common->threads;
    feature_spec_free(data->spec);
    data->spec = spec_of(data, weights, error);
    if (!data->spec)
        return FALSE;
    feature_spec_choose_tiles(data->spec, weights, threads);
    Decoding how = feature_spec_decoding(data->spec);
    data->images = decoded_images_load(data->dataset, &how, beside, threads, error);
    if (!data->images)
        return FALSE;
    PipelineOptions pipeline = {.weights = weights,
                                .spec = data->spec,
                                .batch = BASE_DEFAULT_BATCH,
                                .threads = threads,
                                .prepare = image_source_prepare};
    data->pipeline = pipeline_new(&pipeline, error);
    if (!data->pipeline || !part_images(data, data->dataset, data->choice->validation_split, error) ||
        !make_sources(data, beside, (guint64)common->seed, error))
        return FALSE;
    for (int i = 0; i < 2; i++)
        identify(data, data->dataset, &data->parts[i]);
    return TRUE;
}

gboolean training_data_load(TrainingData *data, const CliCommon *common, const char *beside,
                            const Weights *weights, GError **error)
{
    if (data->dataset)
        return load_images(data, common, beside, weights, error);
    data->training = cache_source_batches(&data->cached[0]);
    data->validation = cache_source_batches(&data->cached[1]);
    return TRUE;
}

/* ---- Memory ---- */
static MemoryNeed cached_memory(const TrainingData *data)
{
    MemoryNeed need = {0};
    guint nonzeros;
    for (int i = 0; i < 2; i++) /* the cache's pages */
        for (guint k = 0; k < data->parts[i].count; k++)
            need.files += cache_stored(data->cached[i].cache, data->parts[i].items[k], &nonzeros);
    return need;
}

static MemoryNeed imaged_memory(const TrainingData *data, guint threads)
{
    guint n = data->dataset->items->len, validating = (guint)(data->choice->validation_split * n);
    gsize features = feature_spec_features(data->spec), side = (gsize)data->spec->side;
    gboolean augmented = augment_active(&data->choice->augmentation);
    PipelineOptions pipeline = {.spec = data->spec, .batch = BASE_DEFAULT_BATCH, .threads = threads};
    MemoryNeed need = pipeline_memory(&pipeline);
    need.files += n * side * side * 3 + (augmented ? validating : n) * features * sizeof(float); /* spilled */
    return need;
}

/* Whether all rows are trained and validated on where they lie. */
static gboolean in_place(const TrainingData *data)
{
    if (data->dataset)
        return !augment_active(&data->choice->augmentation);
    return data->cache->catalog->store == CACHE_FLOAT32 &&
           (!data->other || data->other->catalog->store == CACHE_FLOAT32);
}

MemoryNeed training_data_memory(const TrainingData *data, gboolean scaled, int batch, guint threads)
{
    MemoryNeed need = data->dataset ? imaged_memory(data, threads) : cached_memory(data);
    guint images =
        data->dataset ? data->dataset->items->len : MAX(data->parts[0].count, data->parts[1].count);
    g_auto(Arena) arena = {0};
    batches_free(batches_new(&arena, batch, images, feature_spec_features(data->spec)));
    *(scaled || !in_place(data) ? &need.memory : &need.address) += arena_bytes(&arena);
    return need;
}
