/* networks: the approaches whose model is a network fitted by mini-batches. They differ in what a row is and
 * in which layers learn:
 *
 *                  a row                                          what learns
 *     standalone   of a cache                                     the head
 *     bootstrap    an image through the base in every epoch,
 *                  or one of its augmented copies in a cache      the head
 *     finetune     any of these, the base being cut earlier       the base's layers behind the cut, the head
 *     scratch      an image of 128 x 128                          the study's own CNN */
#include "train/dense/networks.h"

#include "common/cli/choice.h"
#include "common/cli/cli.h"
#include "common/cli/memory_plan.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/model/model.h"
#include "train/data/training_data.h"
#include "train/dense/fit_model.h"
#include "train/dense/unfreeze.h"
#include "train/model/layers.h"

#include <stdio.h>

/* Whether the rows are scaled as they are fetched: not where layers of the base take them. */
static gboolean are_scaled(const NetworkChoice *choice)
{
    return (choice->scale != SCALE_NONE || choice->averages > 1) &&
           !approach_traits[choice->approach].base_learns;
}

/* Whether the rows of a cache are activations inside the base. */
static gboolean check_cut(const char *cache, gint64 unfreeze, const FeatureSpec *spec, GError **error)
{
    int cut = vgg16_find(spec->layer), learning = VGG16_LAYERS - 1 - cut;
    g_autofree char *output = feature_spec_output(spec);
    if (cut < 0 || learning <= 0 || spec->pool != POOL_NONE)
        return error_set(error,
                         "%s: no layer of the base follows its %s; fine-tune on a cache made with extract "
                         "--layer block5_conv2",
                         cache, output);
    if (unfreeze && unfreeze != learning)
        return error_set(error, "%s: its layer is %s, which requires --unfreeze %d, not %d", cache,
                         spec->layer, learning, (int)unfreeze);
    return TRUE;
}

static TrainingData *open_data(const TrainOptions *options, GError **error)
{
    const SourceChoice *images = &options->images;
    const NetworkChoice *model = &options->network;
    if (!images->cache)
        return training_data_from_images(images, model, error);
    g_autoptr(TrainingData) data = training_data_from_cache(images, (guint64)options->common.seed, error);
    return data && (!approach_traits[model->approach].base_learns ||
                    check_cut(images->cache, model->unfreeze, data->spec, error))
               ? g_steal_pointer(&data)
               : NULL;
}

/* ---- Memory ---- */

typedef struct {
    const TrainingData *data;
    const NetworkChoice *model;
    const Optimizer *optimizer;
    guint halvings; /* of --hidden, without which nothing else helps */
} Question;

/* --hidden with its numbers halved so often. */
static char *halved_hidden(const char *units, guint times)
{
    g_autoptr(GArray) hidden = layers_hidden(units);
    GString *text = g_string_new(hidden->len ? NULL : "none");
    for (guint i = 0; i < hidden->len; i++)
        g_string_append_printf(text, "%s%d", i ? "," : "", MAX(1, g_array_index(hidden, int, i) >> times));
    return g_string_free(text, FALSE);
}

static MemoryNeed need_of(const gint64 *values, char **parts, gpointer user)
{
    const Question *question = user;
    const TrainingData *data = question->data;
    gint64 batch = values[0], threads = values[1];
    NetworkChoice model = *question->model;
    g_autofree char *hidden = halved_hidden(model.hidden, parts ? 0 : question->halvings);
    model.hidden = hidden;
    g_autoptr(Network) outline = layers_network(data, &model, NULL);
    g_auto(Arena) arena = {0};
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)threads);
    trainer_free(trainer_new(&arena, outline, question->optimizer, (int)batch, 0, thread_pool));
    gsize kernels = network_parameters(outline) * sizeof(float),
          moments = optimizer_slots(question->optimizer) * kernels;
    MemoryNeed rows = training_data_memory(data, are_scaled(&model), (int)batch, (guint)threads);
    MemoryNeed need = {.memory = kernels + arena_bytes(&arena), .address = 2 * FLOATS_ALIGNMENT};
    if (parts) {
        g_autofree char *parameters = memory_text(kernels), *slots = memory_text(moments);
        g_autofree char *activations = memory_text(arena_bytes(&arena) - moments);
        g_autofree char *sources = memory_text(rows.memory + rows.files);
        *parts = g_strdup_printf("parameters %s, optimizer %s, batch of %d %s %s, data source %s", parameters,
                                 slots, (int)batch, plural((guint64)batch, "image", "images"), activations,
                                 sources);
    }
    memory_add(&need, rows);
    if (data->cache && approach_traits[model.approach].base_learns)
        memory_add(&need, weights_memory(-1)); /* of images, their pipeline tells it */
    if (model.averages > 1)                    /* the first kernel once more when the model is kept */
        memory_add(&need,
                   (MemoryNeed){.memory = network_first(outline, LAYER_DENSE)->kernel_count * sizeof(float)});
    memory_add(&need, memory_of_threads((guint)threads + 1)); /* and one that fetches batches */
    return need;
}

/* First fewer hidden units, if they alone are too many; then smaller batches; then fewer threads. */
static gboolean check_memory(const TrainingData *data, const TrainOptions *options, GError **error)
{
    const gint64 least[MEMORY_SETTINGS] = {1, 1};
    const NetworkChoice *model = &options->network;
    Question question = {data, model, &options->fitting.optimizer, 0};
    guint max =
        model->approach == APPROACH_SCRATCH || g_str_equal(model->hidden, "none") ? 0 : HIDDEN_HALVINGS;
    while (question.halvings < max && !memory_suffices(need_of(least, NULL, &question)))
        question.halvings++;
    g_autofree char *hidden = halved_hidden(model->hidden, question.halvings);
    g_autofree char *before = question.halvings ? g_strdup_printf("--hidden %s", hidden) : NULL;
    const MemoryPlan plan = {
        .what = "training this model",
        .before = before,
        .settings = {{"batch-size", options->fitting.batch_size}, {"threads", options->common.threads}},
        .need = need_of,
        .user = &question};
    return memory_plan_check(&plan, error);
}

/* ---- What learns ---- */
/* The head if it stands alone, else everything an image goes through. */
static void print_summary(const Network *network, const FeatureSpec *spec, Approach approach)
{
    int cut = vgg16_find(spec->layer);
    g_autoptr(Network) base =
        cut >= 0 && approach != APPROACH_STANDALONE ? vgg16_network(cut, spec->side) : NULL;
    g_autofree char *summary = network_summary(network, choice_name(APPROACH_CHOICES, (int)approach), base);
    printf("%s", summary);
    fflush(stdout);
}

/* --scale of a head on rows: fitted to the images trained on (not to their augmented copies), applied to all rows, kept
 * in the model. Where the base learns, it is a layer (layers.c). */
static gboolean scale_rows(const NetworkChoice *choice, Model *model, TrainingData *data, GError **error)
{
    ScalingKind kind = (ScalingKind)choice->scale;
    BatchSource *sources[2] = {&data->training, &data->validation};
    const int *shape = model->spec->shape;
    gsize places = (gsize)shape[0] * (gsize)shape[1];
    if (!are_scaled(choice))
        return TRUE;
    scaling_free(model->scaling);
    model->scaling = scaling_new(kind, feature_spec_features(model->spec));
    if (kind != SCALE_NONE && !scaling_by_image(kind) &&
        !cache_source_fit(&data->cached[0], model->scaling, error))
        return FALSE;
    for (int i = 0; i < 2; i++) {
        sources[i]->scaling = model->scaling;
        sources[i]->averages = choice->averages;
        sources[i]->places = places;
    }
    return TRUE;
}

/* Prints the layers, and checks the memory before any is taken. */
static gboolean begin(const TrainingData *data, const TrainOptions *options, GError **error)
{
    const char *source = options->images.folder ? options->images.folder : options->images.cache;
    if (!model_holds_names(source, data->classes, error))
        return FALSE;
    g_autoptr(Network) outline = layers_network(data, &options->network, error);
    if (outline && (options->summary || !cli_quiet()))
        print_summary(outline, data->spec, options->network.approach);
    return outline && (options->summary || check_memory(data, options, error));
}

/* As the user named them; else those that a cache was made with, if they come from a seed. */
static Weights *open_weights(const TrainingData *data, GError **error)
{
    const char *source = data->cache ? data->spec->weights_source : "";
    const char *from = data->choice->weights        ? data->choice->weights
                       : weights_are_seeded(source) ? source
                                                    : NULL;
    g_autoptr(Weights) weights = weights_open(from, -1, error);
    if (weights && data->cache && !g_str_equal(weights_hash(weights, -1), data->spec->weights_hash))
        return error_null(error, "%s: it was made with weights (%s) other than %s", data->choice->cache,
                          data->spec->weights_source, weights->source);
    return g_steal_pointer(&weights);
}

Status train_network(const TrainOptions *given, GError **error)
{
    TrainOptions adapted = *given;
    const TrainOptions *options = &adapted;
    const ApproachTraits *traits = &approach_traits[options->network.approach];
    g_autoptr(Model) from = options->network.from ? model_load(options->network.from, error) : NULL;
    if (options->network.from && !from)
        return STATUS_FAILED;
    if (from) /* scaling by image, which parameters cannot take the place of, stays that of this model */
        adapted.network.scale = (int)warm_start_scale(from);
    g_autoptr(Weights) weights = NULL;
    g_autoptr(TrainingData) data = open_data(options, error);
    if (!data || !begin(data, options, error))
        return STATUS_FAILED;
    if (options->summary)
        return STATUS_DONE;
    gboolean wants_weights = traits->base_learns || (traits->base && options->images.folder);
    if ((wants_weights && !(weights = open_weights(data, error))) ||
        !training_data_load(data, &options->common, options->results.model, weights, error))
        return STATUS_FAILED;
    g_autoptr(Model) model = layers_model(data, &options->network, error);
    g_autoptr(ThreadPool) thread_pool = thread_pool_new((guint)options->common.threads);
    if (!model || !scale_rows(&options->network, model, data, error) ||
        (data->cache && !novelty_fit(data->cache, data->parts[0].items, data->parts[0].count, thread_pool,
                                     &model->novelty, error)))
        return STATUS_FAILED;
    model->probabilities = TRUE;
    network_initialize(model->network, (guint64)options->common.seed);
    if (weights)
        unfreeze_parameters(model->network, weights);
    if (from && !warm_start(model, from, options->network.from, error))
        return STATUS_FAILED;
    g_clear_pointer(&from, model_free);
    if (!fit_model(model, options, data, thread_pool, error))
        return STATUS_FAILED;
    g_autofree char *saved = training_data_saved(data);
    if (saved)
        cli_remark("%s", saved);
    return data->images && data->images->skipped ? STATUS_SKIPPED : STATUS_DONE;
}
