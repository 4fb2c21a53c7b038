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

/* Images on their way to the models that share a feature specification. */
typedef struct {
    PipelineImages images; /* first */
    Comparison *comparison;
    TestImages *test;
    gboolean unknown;         /* they are of no class */
    Evaluation **evaluations; /* (models) borrowed: those that share the specification in turn */
    guint models;
    char **reasons;        /* (N): why an image could not be used; NULL where it could */
    float *block;          /* (BLOCK, D) */
    const float *x[BLOCK]; /* the vectors in the block, there or in a cache, */
    guint rows[BLOCK];     /* and their images */
    guint filled;
    gsize features; /* D */
} Judging;

static Judgement *judgement_of(const Judging *judging, Evaluation *evaluation)
{
    return judging->unknown ? &evaluation->unknown : &evaluation->known;
}

static void allocate_outputs(const Judging *judging)
{
    guint n = judging->test->list->items->len;
    for (guint i = 0; i < judging->models; i++) {
        Evaluation *evaluation = judging->evaluations[i];
        Judgement *judgement = judgement_of(judging, evaluation);
        judgement->outputs = g_new(float, (gsize)n * evaluation->model->classes->len + 1);
        judgement->similarities = evaluation->model->novelty ? g_new(float, n + 1) : NULL;
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
static gboolean check_models(const Comparison *comparison, Dataset *images, gboolean unknown,
                             const FeatureSpec *spec, GError **error)
{
    if (!unknown)
        adopt_classes(images, comparison->evaluations[0]->model);
    const char *const *names = unknown ? NULL : (const char *const *)images->classes->pdata;
    for (guint i = 0; i < comparison->models; i++) {
        const Evaluation *evaluation = comparison->evaluations[i];
        g_autofree char *clause = model_mismatch(evaluation->model, spec ? spec : evaluation->model->spec,
                                                 names, images->classes->len);
        if (clause)
            return error_set(error, "%s: cannot be evaluated on %s: %s", evaluation->path, images->root,
                             clause);
    }
    return TRUE;
}

/* cache: see prediction_memory.h. */
static gboolean check_memory(const Comparison *comparison, const TestImages *images, GError **error)
{
    g_autofree const Model **models = g_new(const Model *, comparison->models);
    for (guint i = 0; i < comparison->models; i++)
        models[i] = comparison->evaluations[i]->model;
    const PredictionWork work = {.models = models,
                                 .n_models = comparison->models,
                                 .images = images->list->items->len,
                                 .block = BLOCK,
                                 .threads = thread_pool_threads(comparison->thread_pool),
                                 .cache = images->cache};
    return prediction_memory_check(&work, error);
}

static void judge_block(Judging *judging)
{
    int n = (int)judging->filled;
    for (guint j = 0; n && j < judging->models; j++) {
        Evaluation *evaluation = judging->evaluations[j];
        Judgement *judgement = judgement_of(judging, evaluation);
        const Model *model = evaluation->model;
        ThreadPool *thread_pool = judging->comparison->thread_pool;
        guint classes = model->classes->len;
        g_autofree float *out = g_new(float, BLOCK *classes);
        float similarities[BLOCK];
        gint64 start = g_get_monotonic_time();
        model_predict(model, thread_pool, judging->x, n, out);
        judgement->seconds += 1e-6 * (double)(g_get_monotonic_time() - start);
        if (model->novelty)
            novelty_similarities(model->novelty, thread_pool, judging->x, n, similarities);
        for (int i = 0; i < n; i++) {
            memcpy(judgement->outputs + (gsize)judging->rows[i] * classes, out + (gsize)i * classes,
                   classes * sizeof *out);
            if (judgement->similarities)
                judgement->similarities[judging->rows[i]] = similarities[i];
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
static gboolean judge_spec(Judging *judging, guint first, GError **error)
{
    const Comparison *comparison = judging->comparison;
    const FeatureSpec *spec = comparison->evaluations[first]->model->spec;
    g_autofree Evaluation **sharing = g_new(Evaluation *, comparison->models);
    judging->models = 0;
    for (guint j = 0; j < comparison->models; j++) {
        Evaluation *evaluation = comparison->evaluations[j];
        g_autofree char *difference = feature_spec_difference(evaluation->model->spec, spec);
        if (!difference && j < first)
            return TRUE; /* evaluated in an earlier model's run */
        if (!difference)
            sharing[judging->models++] = evaluation;
    }
    judging->images.spec = spec;
    judging->evaluations = sharing;
    judging->features = feature_spec_features(spec);
    g_autofree float *block = g_new(float, BLOCK * judging->features);
    judging->block = block;
    g_autoptr(Pipeline) pipeline = images_pipeline(spec, spec->weights_hash[0] ? comparison->weights : NULL,
                                                   thread_pool_threads(comparison->thread_pool), error);
    if (!pipeline || !images_run(pipeline, "Judging", judging->test->list, take_vector, judging, error))
        return FALSE;
    judge_block(judging);
    return TRUE;
}

/* Takes the images that a model could not be evaluated on off the list, and closes their gaps in the outputs. */
static void drop_unusable(const Judging *judging)
{
    TestImages *images = judging->test;
    const Comparison *comparison = judging->comparison;
    guint n = images->list->items->len, kept = 0;
    g_autofree gboolean *dropped = g_new0(gboolean, n + 1);
    for (guint i = 0; i < n; i++) {
        const DatasetItem *item = images->list->items->pdata[i];
        dropped[i] = judging->reasons[i] != NULL;
        if (dropped[i]) {
            g_ptr_array_add(images->skipped, g_strdup_printf("%s: %s", item->key, judging->reasons[i]));
            continue;
        }
        for (guint j = 0; j < comparison->models; j++) {
            Judgement *judgement = judgement_of(judging, comparison->evaluations[j]);
            gsize classes = comparison->evaluations[j]->model->classes->len;
            memmove(judgement->outputs + kept * classes, judgement->outputs + i * classes,
                    classes * sizeof *judgement->outputs);
            if (judgement->similarities)
                judgement->similarities[kept] = judgement->similarities[i];
        }
        kept++;
    }
    dataset_free(dataset_take(images->list, dropped));
}

gboolean evaluation_weights(Comparison *comparison, GError **error)
{
    g_autofree ImagesOwner *owners = g_new(ImagesOwner, comparison->models);
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        owners[j] = (ImagesOwner){evaluation->path, "trained", evaluation->model->spec};
    }
    return comparison->weights || images_weights(comparison->choice->weights, owners, comparison->models,
                                                 &comparison->weights, error);
}

/* Opens the images' source and lists what there is. */
static gboolean list_images(const ImageChoice *choice, gboolean unknown, TestImages *images, GError **error)
{
    const char *source = choice->source;
    if (!cache_is(source)) {
        images->folder = source;
        images->list =
            unknown ? dataset_unsorted(source, error) : dataset_scan(source, &choice->filter, error);
        return images->list &&
               (images->list->items->len || error_set(error, "%s: contains no images", source));
    }
    images->folder = choice->folder;
    if (!(images->cache = cache_open(source, error)) || !cache_choose(images->cache, &choice->filter, error))
        return FALSE;
    if (unknown)
        cache_take_unlabelled(images->cache);
    else
        cache_remark_left_out(images->cache);
    images->list = cache_dataset(images->cache);
    if (images->folder)
        dataset_locate(images->list, images->folder);
    return cache_count(images->cache) ||
           error_set(error, "%s: the cache is empty; run extract first", source);
}

static gboolean judge_images(Judging *judging, GError **error)
{
    TestImages *images = judging->test;
    guint n = images->list->items->len;
    if (!images->cache && !evaluation_weights(judging->comparison, error))
        return FALSE;
    allocate_outputs(judging);
    g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_set_size(reasons, (int)n);
    judging->reasons = (char **)reasons->pdata;
    gboolean done = !images->cache || judge_cache(judging, images->cache, error);
    for (guint j = 0; !images->cache && done && j < judging->comparison->models; j++)
        done = judge_spec(judging, j, error);
    if (!done)
        return FALSE;
    drop_unusable(judging);
    return images->list->items->len || error_set(error, "%s: none of its %u %s could be read",
                                                 images->list->root, n, plural(n, "image", "images"));
}

gboolean evaluation_run(Comparison *comparison, const ImageChoice *choice, gboolean unknown, GError **error)
{
    TestImages *images = g_new0(TestImages, 1);
    images->skipped = g_ptr_array_new_with_free_func(g_free);
    *(unknown ? &comparison->unknown : &comparison->images) = images;
    Judging judging = {.comparison = comparison,
                       .test = images,
                       .unknown = unknown,
                       .evaluations = comparison->evaluations,
                       .models = comparison->models};
    return list_images(choice, unknown, images, error) &&
           check_models(comparison, images->list, unknown,
                        images->cache ? cache_feature_spec(images->cache) : NULL, error) &&
           check_memory(comparison, images, error) && judge_images(&judging, error);
}
