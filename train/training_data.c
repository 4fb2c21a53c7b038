/* training_data: see training_data.h. */
#include "train/training_data.h"

void training_data_free(TrainingData *data)
{
    if (!data)
        return;
    for (int i = 0; i < 2; i++)
        cache_samples_clear(&data->cached[i]);
    cache_close(data->cache);
    cache_close(data->other);
    recipe_free(data->recipe);
    g_clear_pointer(&data->classes, g_ptr_array_unref);
    g_free(data->identity);
    g_free(data);
}

static gboolean open_caches(TrainingData *data, const TrainOptions *options, GError **error)
{
    CacheSamples *training = &data->cached[0], *validation = &data->cached[1];
    double split = options->validation ? 0 : options->validation_split;
    if (!(data->cache = cache_open(options->cache, error)) ||
        !cache_samples_split(data->cache, split, training, validation, error))
        return FALSE;
    if (!options->validation)
        return TRUE;
    cache_samples_clear(validation);
    data->other = cache_open(options->validation, error);
    return data->other && cache_samples_all(data->other, data->cache, validation, error);
}

static char *identify(const CacheSamples samples[2])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (int i = 0; i < 2; i++)
        cache_samples_identify(&samples[i], sum);
    return g_strdup(g_checksum_get_string(sum));
}

TrainingData *training_data_from_cache(const TrainOptions *options, GError **error)
{
    g_autoptr(TrainingData) data = g_new0(TrainingData, 1);
    if (!open_caches(data, options, error))
        return NULL;
    data->recipe = recipe_copy(cache_recipe(data->cache));
    data->classes = g_ptr_array_new_with_free_func(g_free);
    for (guint c = 0; c < cache_classes(data->cache); c++)
        g_ptr_array_add(data->classes, g_strdup(cache_class(data->cache, c)));
    data->training = cache_samples_source(&data->cached[0]);
    data->validation = cache_samples_source(&data->cached[1]);
    data->identity = identify(data->cached);
    return g_steal_pointer(&data);
}
