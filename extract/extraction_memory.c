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

/* First smaller batches, then fewer threads. */
static gboolean setting(guint step, MemoryNeed *need, char **words, gpointer user)
{
    const Options *options = user;
    gint64 batch = options->batch, threads = options->common.threads;
    gboolean less = step > 0;
    memory_plan_halve(&batch, &step);
    memory_plan_halve(&threads, &step);
    if (step > 0)
        return FALSE;
    g_autoptr(FeatureSpec) spec = shape_of(options);
    PipelineOptions pipeline = {.spec = spec, .batch = (int)batch, .threads = (guint)threads};
    *need = pipeline_memory(&pipeline);
    if (vgg16_find(options->layer) >= 0)
        memory_add(need, weights_memory(vgg16_find(options->layer)));
    memory_add(need, image_file_memory((guint)threads));
    memory_add(need, cache_writer_memory(spec, (guint)batch));
    need->address += memory_of_threads((guint)threads).address; /* that compared images with the cache */
    if (less)
        *words = threads == options->common.threads
                     ? g_strdup_printf("--batch %d", (int)batch)
                     : g_strdup_printf("--batch %d --threads %d", (int)batch, (int)threads);
    return TRUE;
}

gboolean extraction_memory_check(const Options *options, GError **error)
{
    return memory_plan_check("running images through the base", setting, (gpointer)options, error);
}
