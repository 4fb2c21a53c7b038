/* judge: see judge.h. */
#include "evaluate/prediction/judge.h"

#include "common/cli/memory_plan.h"
#include "common/cli/progress.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "evaluate/prediction/images.h"

#include <string.h>

/* ---- Memory ---- */

/* Of one model's features, while they are computed or read. */
static MemoryNeed source_memory(const Judge *judge, const Model *model, guint threads)
{
    PipelineOptions options = {.weights = judge->comparison->weights,
                               .spec = model->spec,
                               .batch = BASE_DEFAULT_BATCH,
                               .threads = threads};
    gsize row = feature_spec_features(model->spec) * sizeof(float);
    MemoryNeed need = {.memory = MIN(judge->n, judge->block) * row};
    guint nonzeros;
    for (guint i = 0; judge->cache && i < judge->n; i++)
        need.files += cache_stored(judge->cache, i, &nonzeros);
    if (judge->cache || feature_spec_is_imported(model->spec))
        return need;
    memory_add(&need, pipeline_memory(&options));
    return need;
}

/* Models take their turns. */
static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const Judge *judge = user;
    guint threads = (guint)values[0];
    MemoryNeed need = {0};
    gsize outputs = 0;
    const Comparison *comparison = judge->comparison;
    for (guint i = 0; i < comparison->models; i++) {
        const Model *model = comparison->evaluations[i]->model;
        MemoryNeed its = source_memory(judge, model, threads);
        memory_add(&its, model_predict_memory(model, threads, (int)MIN(judge->n, judge->block)));
        outputs += (gsize)judge->n * model->classes->len * sizeof(float);
        if (its.memory + its.files >= need.memory + need.files)
            need = its;
    }
    need.memory += outputs;
    memory_add(&need, memory_of_threads(threads));
    return need;
}

/* ---- The base ---- */

gboolean judge_weights(Comparison *comparison, GError **error)
{
    g_autofree ImagesOwner *owners = g_new(ImagesOwner, comparison->models);
    for (guint j = 0; j < comparison->models; j++) {
        const Evaluation *evaluation = comparison->evaluations[j];
        owners[j] = (ImagesOwner){evaluation->path, "trained", evaluation->model->spec};
    }
    return comparison->weights || images_weights(comparison->choice->weights, owners, comparison->models,
                                                 &comparison->weights, error);
}

/* ---- Vectors ---- */

/* Whether the vectors are what it takes. */
static gboolean is_judged(const Judge *judge, const Model *model)
{
    g_autofree char *difference = feature_spec_difference(model->spec, judge->images.spec);
    return difference == NULL;
}

gboolean judge_flush(Judge *judge, GError **error)
{
    guint n = judge->filled;
    const Comparison *comparison = judge->comparison;
    gboolean good = TRUE;
    judge->filled = 0;
    for (guint j = 0; n && good && j < comparison->models; j++) {
        Evaluation *evaluation = comparison->evaluations[j];
        const Model *model = evaluation->model;
        if (!is_judged(judge, model))
            continue;
        g_autofree float *outputs = g_new(float, n * model->classes->len);
        float similarities[JUDGE_BLOCK] = {0};
        gint64 start = g_get_monotonic_time();
        model_predict(model, comparison->thread_pool, judge->x, (int)n, outputs);
        const Judgement said = {outputs, similarities, 1e-6 * (double)(g_get_monotonic_time() - start)};
        if (judge->compares && model->novelty)
            novelty_similarities(model->novelty, comparison->thread_pool, judge->x, (int)n, similarities);
        good = judge->take(judge, evaluation, n, &said, error);
    }
    for (guint i = 0; judge->cache && judge->once && i < n; i++)
        cache_forget(judge->cache, judge->rows[i]);
    return good;
}

/* Where the next vector may be put. */
static float *next_row(const Judge *judge)
{
    return judge->vectors + judge->filled * feature_spec_features(judge->images.spec);
}

/* x: in the next row, or where it stays. */
static gboolean add(Judge *judge, guint image, const float *x, GError **error)
{
    judge->x[judge->filled] = x;
    judge->rows[judge->filled++] = image;
    return judge->filled < judge->block || judge_flush(judge, error);
}

static gboolean judge_cache(Judge *judge, GError **error)
{
    Cache *cache = judge->cache;
    g_autofree float *vectors = g_new(float, judge->block *feature_spec_features(cache->spec));
    judge->images.spec = cache->spec;
    judge->vectors = vectors;
    g_autoptr(Progress) progress = progress_new(judge->label, judge->n, "images");
    for (guint i = 0; i < judge->n && !interrupted(); i++, progress_tick(progress, 1)) {
        const float *x = cache_features(cache, i, next_row(judge), error);
        if (!x || !add(judge, i, x, error))
            return FALSE;
    }
    return judge_flush(judge, error) && images_complete(error);
}

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Judge *judge = user;
    guint image = contents_index(judge->images.contents, index);
    DatasetItem *item = contents_item(judge->images.contents, index);
    if (!features)
        return judge->skip(judge, image, reason, error);
    memcpy(item->hash, hash, sizeof item->hash);
    return add(
        judge, image,
        memcpy(next_row(judge), features, feature_spec_features(judge->images.spec) * sizeof *features),
        error);
}

gboolean judge_list(Judge *judge, const FeatureSpec *spec, Pipeline *pipeline, const Dataset *list,
                    GError **error)
{
    g_autofree float *vectors = g_new(float, judge->block *feature_spec_features(spec));
    judge->images.spec = spec;
    judge->vectors = vectors;
    return images_run(pipeline, judge->label, list, take_vector, judge, error) && judge_flush(judge, error);
}

/* Through the base of the comparison's model `first`, unless an earlier one shares its specification. */
static gboolean judge_spec(Judge *judge, guint first, const Dataset *list, GError **error)
{
    const Comparison *comparison = judge->comparison;
    const FeatureSpec *spec = judge->images.spec = comparison->evaluations[first]->model->spec;
    for (guint j = 0; j < first; j++)
        if (is_judged(judge, comparison->evaluations[j]->model))
            return TRUE;
    g_autoptr(Pipeline) pipeline = images_pipeline(spec, comparison->weights, comparison->thread_pool, error);
    return pipeline && judge_list(judge, spec, pipeline, list, error);
}

gboolean judge_prepare(Judge *judge, guint images, Cache *cache, GError **error)
{
    const MemoryPlan plan = {.what = "predicting images with these models",
                             .settings = {{"threads", thread_pool_threads(judge->comparison->thread_pool)}},
                             .need = need_of,
                             .user = judge};
    judge->n = images;
    judge->cache = cache;
    return memory_plan_check(&plan, error) && (cache || judge_weights(judge->comparison, error));
}

gboolean judge_run(Judge *judge, const TestImages *images, GError **error)
{
    if (images->cache)
        return judge_cache(judge, error);
    for (guint j = 0; j < judge->comparison->models; j++)
        if (!judge_spec(judge, j, images->list, error))
            return FALSE;
    return TRUE;
}
