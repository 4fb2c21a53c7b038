/* extraction_memory: see extraction_memory.h. */
#include "extract/extraction_memory.h"

#include "common/cache/cache.h"
#include "common/cli/memory_plan.h"
#include "common/image/image_file.h"
#include "common/pipeline/pipeline.h"

/* A feature specification of the right shape, for what does not depend on the weights. */
static FeatureSpec *shape_of(const Options *options)
{
    Normalization any = NORMALIZE_UNIT;
    FeatureSpec *spec = feature_spec_new(NULL, options->preset, &any, options->side, options->layer, NULL);
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

gboolean extraction_memory_check(const Options *options, GError **error)
{
    const MemoryPlan plan = {.what = "running images through the base",
                             .settings = {{"batch", options->batch}, {"threads", options->common.threads}},
                             .need = need_of,
                             .user = (gpointer)options};
    return memory_plan_check(&plan, error);
}
