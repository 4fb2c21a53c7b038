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

/* Images of fewer classes than the model's take the model's class list, in which some then have none. Classes that are
 * not the model's leave the list as it is, for model_mismatch to name. */
static void adopt_classes(Dataset *images, const Model *model)
{
    g_autoptr(GPtrArray) own = g_ptr_array_ref(images->classes);
    const char *lacking;
    guint k = 0;
    if (own->len >= model->classes->len || !dataset_adopt_classes(images, model->classes, &lacking))
        return;
    while (g_ptr_array_find_with_equal_func(own, model->classes->pdata[k], g_str_equal, NULL))
        k++;
    cli_remark("%s: has no images of %s%s: recall and support are 0 there, as in scikit-learn", images->root,
               (const char *)model->classes->pdata[k],
               model->classes->len - own->len > 1 ? " and others of the models' classes"
                                                  : ", one of the models' classes");
}

/* spec NULL: the model's own is used. */
static gboolean check_models(const EvaluationOptions *options, const GPtrArray *evaluations, Dataset *images,
                             const FeatureSpec *spec, GError **error)
{
    if (!options->unknown)
        adopt_classes(images, ((const Evaluation *)evaluations->pdata[0])->model);
    const char *const *names = options->unknown ? NULL : (const char *const *)images->classes->pdata;
    for (guint i = 0; i < evaluations->len; i++) {
        const Evaluation *evaluation = evaluations->pdata[i];
        g_autofree char *clause = model_mismatch(evaluation->model, spec ? spec : evaluation->model->spec,
                                                 names, images->classes->len);
        if (clause)
            return error_set(error, "%s: cannot be evaluated on %s: %s", evaluation->path, images->root,
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
    const PredictionWork work = {
        (const Model *const *)models->pdata, models->len, images, BLOCK, threads, cache};
    return prediction_memory_check(&work, error);
}

/* Images on their way to the models that share a feature specification. */
typedef struct {
    PipelineImages images; /* first */
    Dataset *dataset;
    ThreadPool *thread_pool;
    GPtrArray *evaluations; /* Evaluation*, borrowed: those that share the specification in turn */
    char **reasons;         /* (N): why an image could not be used; NULL where it could */
    float *block;           /* (BLOCK, D) */
    const float *x[BLOCK];  /* the vectors in the block, there or in a cache, */
    guint rows[BLOCK];      /* and their images */
    guint filled;
    gsize features; /* D */
} Judging;

static void judge_block(Judging *judging)
{
    int n = (int)judging->filled;
    for (guint j = 0; n && j < judging->evaluations->len; j++) {
        Evaluation *evaluation = judging->evaluations->pdata[j];
        const Model *model = evaluation->model;
        guint classes = model->classes->len;
        g_autofree float *out = g_new(float, BLOCK *classes);
        float similarities[BLOCK];
        gint64 start = g_get_monotonic_time();
        model_predict(model, judging->thread_pool, judging->x, n, out);
        evaluation->predict_seconds += 1e-6 * (double)(g_get_monotonic_time() - start);
        if (model->novelty)
            novelty_similarities(model->novelty, judging->thread_pool, judging->x, n, similarities);
        for (int i = 0; i < n; i++) {
            memcpy(evaluation->outputs + (gsize)judging->rows[i] * classes, out + (gsize)i * classes,
                   classes * sizeof *out);
            if (evaluation->similarities)
                evaluation->similarities[judging->rows[i]] = similarities[i];
        }
    }
    judging->filled = 0;
}

/* Where the next vector may be put. */
static float *next_row(const Judging *judging)
{
    return judging->block + judging->filled * judging->features;
}

/* x: in the next row, or where it stays. */
static void judge(Judging *judging, guint image, const float *x)
{
    judging->x[judging->filled] = x;
    judging->rows[judging->filled++] = image;
    if (judging->filled == BLOCK)
        judge_block(judging);
}

static gboolean judge_cache(Judging *judging, Cache *cache, GError **error)
{
    guint n = cache_count(cache);
    judging->features = feature_spec_features(cache_feature_spec(cache));
    g_autofree float *block = g_new(float, BLOCK * judging->features);
    judging->block = block;
    g_autoptr(Progress) progress = progress_new("Judging", n, "images");
    for (guint i = 0; i < n && !interrupted(); i++, progress_tick(progress, 1)) {
        const float *x = cache_features(cache, i, next_row(judging), error);
        if (!x)
            return FALSE;
        judge(judging, i, x);
    }
    judge_block(judging);
    return !interrupted() || error_set(error, "interrupted before all images were evaluated");
}

/* ---- Images ---- */

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Judging *judging = user;
    guint image = contents_index(judging->images.contents, index);
    DatasetItem *item = contents_item(judging->images.contents, index);
    if (!features) {
        if (!judging->reasons[image])
            cli_warn("skipped %s: %s", item->path, reason);
        g_free(judging->reasons[image]);
        judging->reasons[image] = g_strdup(reason);
        return TRUE;
    }
    memcpy(item->hash, hash, sizeof item->hash);
    judge(judging, image, memcpy(next_row(judging), features, judging->features * sizeof *features));
    return TRUE;
}

/* Runs the images through the feature specification of evaluations[first], for all models that share it. */
static gboolean judge_spec(Judging *judging, const GPtrArray *evaluations, guint first,
                           const Weights *weights, guint threads, GError **error)
{
    const FeatureSpec *spec = ((const Evaluation *)evaluations->pdata[first])->model->spec;
    g_autoptr(GPtrArray) sharing = g_ptr_array_new();
    for (guint j = 0; j < evaluations->len; j++) {
        Evaluation *evaluation = evaluations->pdata[j];
        g_autofree char *difference = feature_spec_difference(evaluation->model->spec, spec);
        if (!difference && j < first)
            return TRUE; /* evaluated in an earlier model's run */
        if (!difference)
            g_ptr_array_add(sharing, evaluation);
    }
    judging->images.spec = spec;
    judging->evaluations = sharing;
    judging->features = feature_spec_features(spec);
    g_autofree float *block = g_new(float, BLOCK * judging->features);
    judging->block = block;
    g_autoptr(Pipeline) pipeline =
        images_pipeline(spec, spec->weights_hash[0] ? weights : NULL, threads, error);
    if (!pipeline || !images_run(pipeline, "Judging", judging->dataset, take_vector, judging, error))
        return FALSE;
    judge_block(judging);
    return TRUE;
}

/* Takes the images that a model could not be evaluated on off the list, and closes their gaps in the outputs. */
static void drop_unusable(const Judging *judging, const GPtrArray *evaluations, TestImages *images)
{
    guint n = images->list->items->len, kept = 0;
    g_autofree gboolean *dropped = g_new0(gboolean, n + 1);
    for (guint i = 0; i < n; i++) {
        const DatasetItem *item = images->list->items->pdata[i];
        dropped[i] = judging->reasons[i] != NULL;
        if (dropped[i]) {
            g_ptr_array_add(images->skipped, g_strdup_printf("%s: %s", item->key, judging->reasons[i]));
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
        kept++;
    }
    dataset_free(dataset_take(images->list, dropped));
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

/* Opens the images' source and lists what there is. */
static gboolean list_images(const EvaluationOptions *options, TestImages *images, GError **error)
{
    const char *source = options->source;
    if (!cache_is(source)) {
        images->list = options->unknown ? dataset_unsorted(source, error)
                                        : dataset_scan(source, &options->filter, error);
        return images->list &&
               (images->list->items->len || error_set(error, "%s: contains no images", source));
    }
    if (!(images->cache = cache_open(source, error)) || !cache_choose(images->cache, &options->filter, error))
        return FALSE;
    if (options->unknown)
        cache_take_unlabelled(images->cache);
    else
        cache_remark_left_out(images->cache);
    images->list = cache_dataset(images->cache);
    return cache_count(images->cache) ||
           error_set(error, "%s: the cache is empty; run extract first", source);
}

static gboolean judge_images(const EvaluationOptions *options, TestImages *images, GPtrArray *evaluations,
                             GError **error)
{
    Cache *cache = images->cache;
    guint n = images->list->items->len;
    g_autoptr(Weights) weights = NULL;
    if (!cache && !evaluation_weights(options->weights, evaluations, &weights, error))
        return FALSE;
    allocate_outputs(evaluations, n);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(options->threads);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_set_size(reasons, (int)n);
    Judging judging = {.dataset = images->list,
                       .thread_pool = thread_pool,
                       .evaluations = evaluations,
                       .reasons = (char **)reasons->pdata};
    gboolean done = !cache || judge_cache(&judging, cache, error);
    for (guint j = 0; !cache && done && j < evaluations->len; j++)
        done = judge_spec(&judging, evaluations, j, weights, options->threads, error);
    if (!done)
        return FALSE;
    drop_unusable(&judging, evaluations, images);
    return images->list->items->len || error_set(error, "%s: none of its %u %s could be read",
                                                 options->source, n, plural(n, "image", "images"));
}

TestImages *evaluation_run(const EvaluationOptions *options, GPtrArray *evaluations, GError **error)
{
    g_autoptr(TestImages) images = g_new0(TestImages, 1);
    images->skipped = g_ptr_array_new_with_free_func(g_free);
    if (!list_images(options, images, error))
        return NULL;
    Cache *cache = images->cache;
    return check_models(options, evaluations, images->list, cache ? cache_feature_spec(cache) : NULL,
                        error) &&
                   check_memory(evaluations, images->list->items->len, cache, options->threads, error) &&
                   judge_images(options, images, evaluations, error)
               ? g_steal_pointer(&images)
               : NULL;
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
