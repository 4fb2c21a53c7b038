/* evaluation_run: see evaluation_run.h. */
#include "evaluate/prediction/evaluation_run.h"

#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/plural.h"
#include "evaluate/prediction/images.h"
#include "evaluate/prediction/prediction_memory.h"

#include <string.h>

enum { BLOCK = 64 }; /* vectors given to a model at a time */

static void allocate_outputs(GPtrArray *evaluations, guint images)
{
    for (guint i = 0; i < evaluations->len; i++) {
        Evaluation *evaluation = evaluations->pdata[i];
        evaluation->outputs = g_new(float, (gsize)images * evaluation->model->classes->len + 1);
        evaluation->similarities = evaluation->model->novelty ? g_new(float, images + 1) : NULL;
    }
}

static gpointer copy_name(gconstpointer name, gpointer unused)
{
    return g_strdup(name);
}

/* Images of fewer classes than the model's take the model's class list, in which some then have none; their labels
 * follow. Classes that are not the model's leave the list as it is, for model_mismatch to name. */
static void adopt_classes(TestImages *images, const Model *model)
{
    g_autofree int *labels = g_new(int, images->classes->len);
    g_autoptr(GHashTable) own = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) places = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint k = 0; k < model->classes->len; k++)
        g_hash_table_insert(places, model->classes->pdata[k], GUINT_TO_POINTER(k));
    for (guint c = 0; c < images->classes->len; c++) {
        gpointer place;
        if (!g_hash_table_lookup_extended(places, images->classes->pdata[c], NULL, &place))
            return;
        labels[c] = GPOINTER_TO_INT(place);
        g_hash_table_add(own, images->classes->pdata[c]);
    }
    guint absent = model->classes->len - images->classes->len, k = 0;
    while (absent && g_hash_table_contains(own, model->classes->pdata[k]))
        k++;
    if (!absent)
        return;
    cli_remark("%s: has no images of %s%s: recall and support are 0 there, as in scikit-learn",
               images->source, (const char *)model->classes->pdata[k],
               absent > 1 ? " and others of the models' classes" : ", one of the models' classes");
    for (guint i = 0; i < images->labels->len; i++)
        g_array_index(images->labels, int, i) = labels[g_array_index(images->labels, int, i)];
    g_ptr_array_unref(images->classes);
    images->classes = g_ptr_array_copy(model->classes, copy_name, NULL);
    g_ptr_array_set_free_func(images->classes, g_free);
}

/* spec NULL: the model's own is used. */
static gboolean check_models(const EvaluationOptions *options, const GPtrArray *evaluations,
                             TestImages *images, const FeatureSpec *spec, GError **error)
{
    if (!options->unknown)
        adopt_classes(images, ((const Evaluation *)evaluations->pdata[0])->model);
    for (guint i = 0; i < evaluations->len; i++) {
        const Evaluation *evaluation = evaluations->pdata[i];
        g_autofree char *clause =
            model_mismatch(evaluation->model, spec ? spec : evaluation->model->spec,
                           options->unknown ? NULL : test_images_class_names(images), images->classes->len);
        if (clause)
            return error_set(error, "%s: cannot be evaluated on %s: %s", evaluation->path, images->source,
                             clause);
    }
    return TRUE;
}

/* cache: see prediction_memory.h. */
static gboolean check_memory(const GPtrArray *evaluations, guint images, const Cache *cache, guint threads,
                             GError **error)
{
    g_autoptr(GPtrArray) models = g_ptr_array_new();
    for (guint i = 0; i < evaluations->len; i++)
        g_ptr_array_add(models, ((const Evaluation *)evaluations->pdata[i])->model);
    const PredictionWork work = {models, images, BLOCK, threads, cache};
    return prediction_memory_check(&work, error);
}

/* out (n, L); similarities (n), for a model that gives them. */
static void predict_timed(Evaluation *evaluation, ThreadPool *thread_pool, const float *const *x, int n,
                          float *out, float *similarities)
{
    const Model *model = evaluation->model;
    gint64 start = g_get_monotonic_time();
    model_predict(model, thread_pool, x, n, out);
    evaluation->predict_seconds += 1e-6 * (double)(g_get_monotonic_time() - start);
    if (model->novelty)
        novelty_similarities(model->novelty, thread_pool, x, n, similarities);
}

/* ---- A cache ---- */

static TestImages *list_cache(const char *source, const Cache *cache)
{
    TestImages *images = test_images_new(source, TRUE);
    for (guint c = 0; c < cache_classes(cache); c++)
        g_ptr_array_add(images->classes, g_strdup(cache_class(cache, (int)c)));
    for (guint i = 0; i < cache_count(cache); i++) {
        const CacheItem *item = cache_item(cache, i);
        g_ptr_array_add(images->paths, g_strdup(item->path));
        g_array_append_val(images->labels, item->label);
        g_byte_array_append(images->hashes, item->hash, CACHE_HASH);
        g_ptr_array_add(images->groups, g_strdup(item->given.group));
        g_byte_array_append(images->reviewed, &(guint8){item->given.before != NULL}, 1);
    }
    return images;
}

/* buffers: (BLOCK, D), for rows that are not stored as they are. */
static gboolean evaluate_block(Cache *cache, guint first, guint n, float *buffers, ThreadPool *thread_pool,
                               GPtrArray *evaluations, GError **error)
{
    const float *rows[BLOCK];
    gsize features = feature_spec_features(cache_feature_spec(cache));
    for (guint i = 0; i < n; i++)
        if (!(rows[i] = cache_features(cache, first + i, buffers + i * features, error)))
            return FALSE;
    for (guint j = 0; j < evaluations->len; j++) {
        Evaluation *evaluation = evaluations->pdata[j];
        float *out = evaluation->outputs + (gsize)first * evaluation->model->classes->len;
        predict_timed(evaluation, thread_pool, rows, (int)n, out, evaluation->similarities + first);
    }
    return TRUE;
}

static TestImages *evaluate_cache_source(const EvaluationOptions *options, GPtrArray *evaluations,
                                         GError **error)
{
    g_autoptr(Cache) cache = cache_open(options->source, error);
    if (!cache || !cache_choose(cache, &options->filter, error))
        return NULL;
    if (options->unknown)
        cache_take_unlabelled(cache);
    else
        cache_remark_left_out(cache);
    g_autoptr(TestImages) images = list_cache(options->source, cache);
    guint n = cache_count(cache);
    if (n == 0) {
        error_set(error, "%s: the cache is empty; run extract first", options->source);
        return NULL;
    }
    if (!check_models(options, evaluations, images, cache_feature_spec(cache), error) ||
        !check_memory(evaluations, n, cache, options->threads, error))
        return NULL;
    allocate_outputs(evaluations, n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(options->threads);
    g_autofree float *buffers = g_new(float, BLOCK *feature_spec_features(cache_feature_spec(cache)));
    g_autoptr(Progress) progress = progress_new("Judging", n, "images");
    for (guint first = 0; first < n; first += BLOCK) {
        guint rows = MIN(BLOCK, n - first);
        if (!evaluate_block(cache, first, rows, buffers, thread_pool, evaluations, error))
            return NULL;
        if (interrupted()) {
            error_set(error, "interrupted before all images were evaluated");
            return NULL;
        }
        progress_tick(progress, rows);
    }
    return g_steal_pointer(&images);
}

/* ---- A folder ---- */

/* Images on their way to the models that share a feature specification. */
typedef struct {
    const Dataset *dataset;
    const EvaluationOptions *options;
    const Weights *weights;
    ThreadPool *thread_pool;
    GPtrArray *evaluations; /* Evaluation*, borrowed: those that share the specification in turn */
    char **reasons;         /* (N): why an image could not be used; NULL where it could */
    guint8 *hashes;         /* (N, CACHE_HASH) */
    float *block;           /* (BLOCK, D) */
    guint rows[BLOCK];      /* images in the block */
    guint filled;
    gsize features; /* D */
} Folder;

static void evaluate_folder_block(Folder *folder)
{
    const float *x[BLOCK];
    for (guint i = 0; i < folder->filled; i++)
        x[i] = folder->block + i * folder->features;
    for (guint j = 0; j < folder->evaluations->len; j++) {
        Evaluation *evaluation = folder->evaluations->pdata[j];
        guint classes = evaluation->model->classes->len;
        g_autofree float *out = g_new(float, BLOCK *classes);
        float similarities[BLOCK];
        predict_timed(evaluation, folder->thread_pool, x, (int)folder->filled, out, similarities);
        for (guint i = 0; i < folder->filled; i++) {
            memcpy(evaluation->outputs + (gsize)folder->rows[i] * classes, out + i * classes,
                   classes * sizeof *out);
            if (evaluation->similarities)
                evaluation->similarities[folder->rows[i]] = similarities[i];
        }
    }
    folder->filled = 0;
}

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Folder *folder = user;
    const DatasetItem *item = folder->dataset->items->pdata[index];
    if (!features) {
        if (!folder->reasons[index])
            cli_warn("skipped %s: %s", item->path, reason);
        g_free(folder->reasons[index]);
        folder->reasons[index] = g_strdup(reason);
        return TRUE;
    }
    memcpy(folder->hashes + (gsize)index * CACHE_HASH, hash, CACHE_HASH);
    memcpy(folder->block + folder->filled * folder->features, features, folder->features * sizeof *features);
    folder->rows[folder->filled++] = index;
    if (folder->filled == BLOCK)
        evaluate_folder_block(folder);
    return TRUE;
}

/* Runs the images through the feature specification of evaluations[first], for all models that share it. */
static gboolean evaluate_spec(Folder *folder, const GPtrArray *evaluations, guint first, GError **error)
{
    const FeatureSpec *spec = ((const Evaluation *)evaluations->pdata[first])->model->spec;
    g_autoptr(GPtrArray) sharing = g_ptr_array_new(), files = g_ptr_array_new();
    for (guint j = 0; j < evaluations->len; j++) {
        Evaluation *evaluation = evaluations->pdata[j];
        g_autofree char *difference = feature_spec_difference(evaluation->model->spec, spec);
        if (!difference && j < first)
            return TRUE; /* evaluated in an earlier model's run */
        if (!difference)
            g_ptr_array_add(sharing, evaluation);
    }
    for (guint i = 0; i < folder->dataset->items->len; i++)
        g_ptr_array_add(files, ((DatasetItem *)folder->dataset->items->pdata[i])->path);
    folder->evaluations = sharing;
    folder->features = feature_spec_features(spec);
    g_autofree float *block = g_new(float, BLOCK * folder->features);
    folder->block = block;
    const ImagesOptions images = {"Judging", spec, spec->weights_hash[0] ? folder->weights : NULL,
                                  folder->options->threads};
    if (!images_run(&images, (const char *const *)files->pdata, files->len, take_vector, folder, error))
        return FALSE;
    if (folder->filled)
        evaluate_folder_block(folder);
    return TRUE;
}

/* Keeps the images that every model could be evaluated on, and closes the gaps in the outputs. */
static void keep_evaluated(TestImages *images, const Dataset *dataset, GPtrArray *evaluations,
                           char *const *reasons, const guint8 *hashes)
{
    for (guint i = 0; i < dataset->items->len; i++) {
        const DatasetItem *item = dataset->items->pdata[i];
        guint kept = images->paths->len;
        if (reasons[i]) {
            g_ptr_array_add(images->skipped, g_strdup_printf("%s: %s", item->key, reasons[i]));
            continue;
        }
        for (guint j = 0; j < evaluations->len; j++) {
            const Evaluation *evaluation = evaluations->pdata[j];
            gsize classes = evaluation->model->classes->len;
            memmove(evaluation->outputs + kept * classes, evaluation->outputs + i * classes,
                    classes * sizeof *evaluation->outputs);
            if (evaluation->similarities)
                evaluation->similarities[kept] = evaluation->similarities[i];
        }
        g_ptr_array_add(images->paths, g_strdup(item->key));
        g_array_index(images->labels, int, kept) = g_array_index(images->labels, int, i);
        g_byte_array_append(images->hashes, hashes + (gsize)i * CACHE_HASH, CACHE_HASH);
        g_ptr_array_add(images->groups, g_strdup(item->group));
        g_byte_array_append(images->reviewed, &(guint8){FALSE}, 1);
    }
    g_array_set_size(images->labels, images->paths->len);
}

gboolean evaluation_weights(const char *from, const GPtrArray *evaluations, Weights **weights, GError **error)
{
    g_autofree ImagesOwner *owners = g_new(ImagesOwner, evaluations->len);
    for (guint j = 0; j < evaluations->len; j++) {
        const Evaluation *evaluation = evaluations->pdata[j];
        owners[j] = (ImagesOwner){evaluation->path, "trained", evaluation->model->spec};
    }
    return images_weights(from, owners, evaluations->len, weights, error);
}

static gboolean evaluate_folder(const EvaluationOptions *options, const Dataset *dataset, TestImages *images,
                                GPtrArray *evaluations, GError **error)
{
    g_autoptr(Weights) weights = NULL;
    guint n = dataset->items->len;
    g_autofree char **slots = g_new0(char *, n + 1);
    g_autofree guint8 *hashes = g_malloc0_n(n + 1, CACHE_HASH);
    if (!check_memory(evaluations, n, NULL, options->threads, error) ||
        !evaluation_weights(options->weights, evaluations, &weights, error))
        return FALSE;
    allocate_outputs(evaluations, n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(options->threads);
    Folder folder = {.dataset = dataset,
                     .options = options,
                     .weights = weights,
                     .thread_pool = thread_pool,
                     .reasons = slots,
                     .hashes = hashes};
    gboolean done = TRUE;
    for (guint j = 0; done && j < evaluations->len; j++)
        done = evaluate_spec(&folder, evaluations, j, error);
    if (done)
        keep_evaluated(images, dataset, evaluations, slots, hashes);
    for (guint i = 0; i < n; i++)
        g_free(slots[i]);
    if (done && images->paths->len == 0)
        return error_set(error, "%s: none of its %u %s could be read", options->source, n,
                         plural(n, "image", "images"));
    return done;
}

static TestImages *evaluate_folder_source(const EvaluationOptions *options, GPtrArray *evaluations,
                                          GError **error)
{
    g_autoptr(Dataset) dataset = options->unknown ? dataset_unsorted(options->source, error)
                                                  : dataset_scan(options->source, &options->filter, error);
    if (!dataset)
        return NULL;
    if (!dataset->items->len) {
        error_set(error, "%s: contains no images", options->source);
        return NULL;
    }
    g_autoptr(TestImages) images = test_images_new(options->source, FALSE);
    for (guint c = 0; c < dataset->classes->len; c++)
        g_ptr_array_add(images->classes, g_strdup(dataset->classes->pdata[c]));
    for (guint i = 0; i < dataset->items->len; i++)
        g_array_append_val(images->labels, ((DatasetItem *)dataset->items->pdata[i])->label);
    if (!check_models(options, evaluations, images, NULL, error) ||
        !evaluate_folder(options, dataset, images, evaluations, error))
        return NULL;
    return g_steal_pointer(&images);
}

TestImages *evaluation_run(const EvaluationOptions *options, GPtrArray *evaluations, GError **error)
{
    return cache_is(options->source) ? evaluate_cache_source(options, evaluations, error)
                                     : evaluate_folder_source(options, evaluations, error);
}

/* What the models answer for the known images gives way to that for the unknown ones, and comes back. */
static void swap_answers(GPtrArray *evaluations)
{
    for (guint i = 0; i < evaluations->len; i++) {
        Evaluation *evaluation = evaluations->pdata[i];
        Unknown answers = {evaluation->outputs, evaluation->similarities, evaluation->predict_seconds};
        evaluation->outputs = evaluation->unknown.outputs;
        evaluation->similarities = evaluation->unknown.similarities;
        evaluation->predict_seconds = evaluation->unknown.predict_seconds;
        evaluation->unknown = answers;
    }
}

gboolean evaluation_run_unknown(const EvaluationOptions *options, Comparison *comparison, GError **error)
{
    swap_answers(comparison->evaluations);
    comparison->unknown = evaluation_run(options, comparison->evaluations, error);
    swap_answers(comparison->evaluations);
    return comparison->unknown != NULL;
}
