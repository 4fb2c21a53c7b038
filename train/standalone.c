/* standalone: a dense head on cached features, the base not being run at all. */
#include "common/model/model.h"
#include "train/approaches.h"
#include "train/cache_samples.h"
#include "train/fit_model.h"

static Model *model_for(const Cache *cache, const TrainOptions *options, GError **error)
{
    const Recipe *recipe = cache_recipe(cache);
    g_autoptr(Model) model = g_new0(Model, 1);
    model->approach = g_strdup("standalone");
    model->head = g_strdup("dense");
    model->classes = g_ptr_array_new_with_free_func(g_free);
    for (guint c = 0; c < cache_classes(cache); c++)
        g_ptr_array_add(model->classes, g_strdup(cache_class(cache, c)));
    model->recipe = recipe_copy(recipe);
    model->scaling = scaling_new(SCALE_NONE, recipe_features(recipe));
    model->network = network_new(recipe->shape[0], recipe->shape[1], recipe->shape[2]);
    model->training = json_object();
    model->probabilities = TRUE;
    if (!append_head(model->network, options, (int)model->classes->len, error))
        return NULL;
    network_initialize(model->network, (guint64)options->common.seed);
    return g_steal_pointer(&model);
}

static char *identify(const CacheSamples *training, const CacheSamples *validation)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    cache_samples_identify(training, sum);
    cache_samples_identify(validation, sum);
    return g_strdup(g_checksum_get_string(sum));
}

gboolean train_standalone_dense(const TrainOptions *options, GError **error)
{
    g_autoptr(Cache) cache = cache_open(options->cache, error);
    g_autoptr(Cache) other = NULL;
    g_auto(CacheSamples) training = {0}, validation = {0};
    if (!cache)
        return FALSE;
    if (!cache_samples_split(cache, options->validation ? 0 : options->validation_split, &training,
                             &validation, error))
        return FALSE;
    if (options->validation) {
        cache_samples_clear(&validation);
        other = cache_open(options->validation, error);
        if (!other || !cache_samples_all(other, cache, &validation, error))
            return FALSE;
    }
    g_autoptr(Model) model = model_for(cache, options, error);
    if (!model)
        return FALSE;
    g_autofree char *data = identify(&training, &validation);
    BatchSource train_on = cache_samples_source(&training), validate_on = cache_samples_source(&validation);
    return fit_model(model, options, &train_on, validation.count ? &validate_on : NULL, data, error);
}
