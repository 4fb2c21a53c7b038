/* fit_model: see fit_model.h. */
#include "train/dense/fit_model.h"

#include "common/cli/choice.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/interrupt.h"
#include "common/core/output_file.h"
#include "common/core/plural.h"
#include "train/data/announce.h"
#include "train/data/averages.h"
#include "train/data/class_weights.h"
#include "train/data/held_out.h"

#include <math.h>
#include <stdio.h>

/* Everything the result depends on except the data and the number of epochs. */
static json_t *settings_of(const TrainOptions *o)
{
    const SourceChoice *images = &o->images;
    const NetworkChoice *network = &o->network;
    const FitChoice *how = &o->fitting;
    const Optimizer *optimizer = &how->optimizer;
    ScalingKind scale = (ScalingKind)network->scale;
    double split = images->validation ? 0 : images->validation_split;
    const char *order =
        split > 0 ? choice_name(VALIDATION_ORDER_CHOICES, (int)images->validation_order) : NULL;
    g_autofree char *augmentation =
        augment_active(&images->augmentation) ? augment_describe(&images->augmentation) : NULL;
    return json_pack(
        "{s:s, s:s, s:f, s:f, s:f, s:s, s:I, s:I, s:I, s:f, s:f, s:I, s:f, s:I, s:s*, s:o*, s:f, s:s*, s:o*, "
        "s:o*, s:o*, s:s*}",
        "class_weight", how->class_weight, "optimizer", choice_name(OPTIMIZER_CHOICES, (int)optimizer->kind),
        "learning_rate", optimizer->learning_rate, "momentum", optimizer->momentum, "weight_decay",
        optimizer->weight_decay, "hidden", network->hidden, "batch_size", (json_int_t)how->batch_size,
        "epochs", (json_int_t)how->epochs, "patience", (json_int_t)how->patience, "dropout", network->dropout,
        "reduce_lr_factor", how->reduce_lr_factor, "reduce_lr_patience", (json_int_t)how->reduce_lr_patience,
        "min_learning_rate", how->min_learning_rate, "seed", (json_int_t)o->common.seed, "scale",
        scale == SCALE_NONE ? NULL : scaling_name(scale), "averages",
        network->averages > 1 ? json_real(network->averages) : NULL, "validation_split", split,
        "validation_order", order, "validation", json_string(images->validation), "copies",
        images->augmented_cache ? json_integer(images->copies) : NULL, "from", json_string(network->from),
        "augmentation", augmentation);
}

/* Settings without what differs between epochs, or may differ between a run and its continuation. */
static json_t *lasting_settings(const Model *model)
{
    json_t *settings = json_copy(model->training);
    json_object_del(settings, "epochs");
    json_object_del(settings, "history");
    json_object_del(settings, "best_epoch");
    return settings;
}

/* What a checkpoint must match. */
static char *identity_of(const Model *model, const char *data)
{
    json_auto_t *settings = lasting_settings(model);
    char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS);
    g_autofree char *layers = network_summary(model->network, model->approach, NULL);
    char *identity = g_strconcat(data, "\n", text, "\n", layers, NULL);
    free(text);
    return identity;
}

/* ---- The model file ---- */
typedef struct {
    Model *model;
    const char *path;
    double averages; /* of the rows that the network is trained on, averages.h */
} Keeper;

static gboolean save_with_history(Model *model, const History *history, const char *path, GError **error)
{
    json_object_set_new(model->training, "history", history_to_json(history));
    json_object_set_new(model->training, "best_epoch", json_integer(history->best));
    return model_save(model, path, error);
}

/* The file's kernel is for rows as they are. */
static gboolean keep(const History *history, gpointer user, GError **error)
{
    const Keeper *keeper = user;
    const int *shape = keeper->model->spec->shape;
    gsize places = (gsize)shape[0] * (gsize)shape[1];
    Layer *first = network_first(keeper->model->network, LAYER_DENSE);
    float *trained = first->kernel;
    if (keeper->averages > 1) {
        first->kernel = g_memdup2(trained, first->kernel_count * sizeof *trained);
        averages_count(first->kernel, places, first->kernel_count / places, keeper->averages);
    }
    gboolean saved = save_with_history(keeper->model, history, keeper->path, error);
    if (first->kernel != trained)
        g_free(first->kernel);
    first->kernel = trained;
    return saved;
}

/* The best epoch of this training that the file holds; 0 where there is none. */
static int find_kept(const Model *model, const char *path)
{
    g_autoptr(Model) best = model_load(path, NULL);
    if (!best)
        return 0;
    json_auto_t *its = lasting_settings(best), *ours = lasting_settings(model);
    return json_equal(its, ours) ? (int)json_integer_value(json_object_get(best->training, "best_epoch")) : 0;
}

/* By images of the validation, which the model scales itself. */
static gboolean answer_validation(Model *best, const FitOptions *options, GError **error)
{
    const Batch *batch, *next;
    BatchSource source = *options->validation;
    source.scaling = NULL;
    g_autoptr(GError) unread = NULL;
    gsize done = 0, classes = best->classes->len;
    g_autofree float *probabilities = g_new(float, source.part->count *classes);
    g_auto(Arena) arena = {0};
    g_autoptr(Batches) batches =
        arena_build(&arena, batches_free,
                    batches_new(&arena, (int)options->how->batch_size, source.part->count, source.features));
    batches_begin(batches, &source, NULL, 0, 1, NULL);
    while (batches_next(batches, &batch, &next, &unread)) {
        model_predict(best, options->thread_pool, batch->x, batch->n, probabilities + done * classes);
        done += (gsize)batch->n;
    }
    if (unread) {
        g_propagate_error(error, g_steal_pointer(&unread));
        return FALSE;
    }
    const Answers held = {.probabilities = probabilities,
                          .labels = source.part->labels,
                          .units = source.part->units,
                          .n = source.part->count};
    return held_out_answer(options->results, best, &held, error);
}

/* The file holds the best epoch's parameters; the epochs after it are added to its history, and what the images held out
 * say. */
static gboolean complete(const History *history, const FitOptions *options, GError **error)
{
    const char *path = options->results->model;
    if (history->best == (int)history->epochs->len && !held_out_asked(options->results))
        return TRUE;
    g_autofree char *content = output_file_content(path);
    g_autoptr(Model) best = model_load(content, error);
    return best && (!held_out_asked(options->results) || answer_validation(best, options, error)) &&
           save_with_history(best, history, path, error);
}

static void print_kept(const History *history, const char *path)
{
    const EpochMetrics *e = history_epoch(history, history->best);
    printf("%s: epoch %d of %u, ", path, history->best, history->epochs->len);
    if (isnan(e->val_loss))
        printf("loss %.4f, accuracy %.4f\n", e->loss, e->accuracy);
    else
        printf("val_loss %.4f, val_accuracy %.4f\n", e->val_loss, e->val_accuracy);
    fflush(stdout);
}

static gboolean tell_interruption(const History *history, const Results *results, GError **error)
{
    g_autofree char *kept =
        history->best ? g_strdup_printf("%s holds the model of epoch %d", results->model, history->best)
                      : g_strdup_printf("%s is not written yet", results->model);
    return error_set(error, "interrupted in epoch %u: %s%s", history->epochs->len + 1, kept,
                     results->checkpoint ? "; run the same command with --resume to continue" : "");
}

static gboolean fit_and_keep(Model *model, const FitOptions *options, GError **error)
{
    gint64 patience = options->how->patience;
    g_auto(History) history = history_new();
    FitEnd end = fit_network(model->network, options, &history, error);
    if (end == FIT_FAILED)
        return FALSE;
    if (end == FIT_INTERRUPTED)
        return tell_interruption(&history, options->results, error);
    if (end == FIT_STOPPED_EARLY)
        cli_remark("stopped early: no improvement in the last %d %s", (int)patience,
                   plural((guint64)patience, "epoch", "epochs"));
    g_clear_pointer(&model->network, network_free); /* the file holds the best one */
    if (!complete(&history, options, error))
        return FALSE;
    print_kept(&history, options->results->model);
    return TRUE;
}

gboolean fit_model(Model *model, const TrainOptions *options, const TrainingData *data,
                   ThreadPool *thread_pool, GError **error)
{
    const SplitPart *trained = &data->parts[0], *validating = &data->parts[1];
    const Results *results = &options->results;
    Keeper keeper = {model, results->model, options->network.averages};
    g_autofree char *checkpoint = g_strconcat(results->model, ".checkpoint", NULL);
    g_autofree char *name = g_path_get_basename(results->model);
    g_autofree char *title = g_strdup_printf("%s (%s)", name, model->approach);
    gsize bytes = network_parameters(model->network) * sizeof(float);
    if (!validating->count && held_out_asked(results))
        return error_set(error,
                         "--coverage and --set-threshold need images to validate on, and there are none: "
                         "give --validation-split or --validation");
    g_autofree double *weights =
        class_weights_new(options->fitting.class_weight, model->classes, trained, error);
    if (!weights)
        return FALSE;
    output_file_sweep(results->model);
    output_file_sweep(checkpoint);
    train_announce(results->model, trained->count, validating->count,
                   model->novelty ? model->spec->shape : NULL, bytes,
                   results->checkpoint ? (1 + optimizer_slots(&options->fitting.optimizer)) * bytes : 0);
    json_decref(model->training);
    model->training = settings_of(options);
    g_autofree char *identity = identity_of(model, g_checksum_get_string(data->identity));
    const FitOptions fit_options = {
        .training = &data->training,
        .validation = validating->count ? &data->validation : NULL,
        .how = &options->fitting,
        .results = results,
        .thread_pool = thread_pool,
        .seed = (guint64)options->common.seed,
        .unscaled = options->network.scale == SCALE_NONE && options->images.cache,
        .class_weights = weights,
        .plot_title = title,
        .checkpoint = results->checkpoint ? checkpoint : NULL,
        .identity = identity,
        .keep = keep,
        .user = &keeper,
        .kept_epoch = results->resume ? find_kept(model, results->model) : 0,
    };
    return fit_and_keep(model, &fit_options, error);
}
