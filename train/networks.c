/* networks: the approaches whose model is a network fitted by mini-batches. They differ in what a row is and
 * in which layers learn:
 *
 *     standalone   rows of a cache                            the head
 *     finetune     activations of the base at a cut, cached   the base's layers behind it, and the head
 */
#include "common/base/weights.h"
#include "common/cli/cli.h"
#include "common/model/model.h"
#include "train/approaches.h"
#include "train/fit_model.h"
#include "train/training_data.h"
#include "train/unfreeze.h"

static gboolean is(const TrainOptions *options, const char *approach)
{
    return g_str_equal(options->approach, approach);
}

static Weights *load_weights(const TrainOptions *options, GError **error)
{
    if (!options->weights) {
        cli_error(error, "--approach %s needs the base's weights: give --weights FILE", options->approach);
        return NULL;
    }
    Weights *weights = weights_load(options->weights, error);
    if (weights && weights->seeded)
        cli_warn("%s: the base's weights are a seeded stand-in, not trained ones", weights->source);
    return weights;
}

/* Whether the rows of a cache are activations of these weights before the end of the base. */
static gboolean check_cut(const TrainOptions *options, const Recipe *recipe, const Weights *weights,
                          GError **error)
{
    int cut = vgg16_find(recipe->layer), learning = VGG16_LAYERS - 1 - cut;
    if (cut < 0 || learning == 0)
        return cli_error(
            error,
            "%s: no layer of the base comes after its %s; fine-tune on a cache that extract --layer "
            "block5_conv2 made",
            options->cache, recipe->layer);
    if (options->unfreeze && options->unfreeze != learning)
        return cli_error(error, "%s: its layer is %s, which goes with --unfreeze %d, not %d", options->cache,
                         recipe->layer, learning, (int)options->unfreeze);
    if (!g_str_equal(weights->hash, recipe->weights_hash))
        return cli_error(error, "%s: it was made with other weights (%s) than %s", options->cache,
                         recipe->weights_source, weights->source);
    return TRUE;
}

static Model *model_for(const TrainingData *data, const TrainOptions *options, GError **error)
{
    const Recipe *recipe = data->recipe;
    g_autoptr(Model) model = g_new0(Model, 1);
    model->approach = g_strdup(options->approach);
    model->head = g_strdup("dense");
    model->classes = g_ptr_array_ref(data->classes);
    model->recipe = recipe_copy(recipe);
    model->scaling = scaling_new(SCALE_NONE, recipe_features(recipe));
    model->network = network_new(recipe->shape[0], recipe->shape[1], recipe->shape[2]);
    model->training = json_object();
    model->probabilities = TRUE;
    if (is(options, "finetune") && !unfreeze_layers(model->network, vgg16_find(recipe->layer), error))
        return NULL;
    if (!append_head(model->network, options, (int)model->classes->len, error))
        return NULL;
    return g_steal_pointer(&model);
}

gboolean train_network(const TrainOptions *options, GError **error)
{
    g_autoptr(Weights) weights = NULL;
    g_autoptr(TrainingData) data = training_data_from_cache(options, error);
    if (!data)
        return FALSE;
    if (is(options, "finetune") &&
        (!(weights = load_weights(options, error)) || !check_cut(options, data->recipe, weights, error)))
        return FALSE;
    g_autoptr(Model) model = model_for(data, options, error);
    if (!model)
        return FALSE;
    network_initialize(model->network, (guint64)options->common.seed);
    if (weights)
        unfreeze_parameters(model->network, weights);
    if (options->from && !warm_start(model->network, data->recipe, model->classes, options->from, error))
        return FALSE;
    return fit_model(model, options, &data->training, data->validation.count ? &data->validation : NULL,
                     data->identity, error);
}
