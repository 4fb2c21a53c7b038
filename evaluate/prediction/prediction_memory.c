/* prediction_memory: see prediction_memory.h. */
#include "evaluate/prediction/prediction_memory.h"

#include "common/cli/memory_plan.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"

/* Of one model's features, while they are computed or read. */
static MemoryNeed source_memory(const PredictionWork *work, const Model *model, guint threads)
{
    PipelineOptions options = {.spec = model->spec, .batch = BASE_DEFAULT_BATCH, .threads = threads};
    gsize row = feature_spec_features(model->spec) * sizeof(float);
    MemoryNeed need = {.memory = MIN(work->images, work->block) * row};
    guint nonzeros;
    for (guint i = 0; work->cache && i < work->images; i++)
        need.files += cache_stored(work->cache, i, &nonzeros);
    if (work->cache || feature_spec_is_imported(model->spec))
        return need;
    memory_add(&need, pipeline_memory(&options));
    memory_add(&need, image_file_memory(threads));
    if (model->spec->weights_hash[0])
        memory_add(&need, weights_memory(vgg16_find(model->spec->layer)));
    return need;
}

/* Models take their turns. */
static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const PredictionWork *work = user;
    guint threads = (guint)values[0];
    MemoryNeed need = {0};
    gsize outputs = 0;
    for (guint i = 0; i < work->n_models; i++) {
        const Model *model = work->models[i];
        MemoryNeed its = source_memory(work, model, threads);
        memory_add(&its, model_predict_memory(model, threads, (int)MIN(work->images, work->block)));
        outputs += (gsize)work->images * model->classes->len * sizeof(float);
        if (its.memory + its.files >= need.memory + need.files)
            need = its;
    }
    need.memory += outputs;
    memory_add(&need, memory_of_threads(threads));
    return need;
}

gboolean prediction_memory_check(const PredictionWork *work, GError **error)
{
    const MemoryPlan plan = {.what = "predicting images with these models",
                             .settings = {{"threads", work->threads}},
                             .need = need_of,
                             .user = (gpointer)work};
    return memory_plan_check(&plan, error);
}
