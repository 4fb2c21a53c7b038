/* explanation: see explanation.h. */
#include "evaluate/explanation/explanation.h"

#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/core/sha256.h"
#include "common/image/image_file.h"
#include "evaluate/explanation/choice.h"
#include "evaluate/prediction/evaluation_run.h"
#include "evaluate/prediction/images.h"

#include <string.h>

/* Images that are explained, of one model. */
typedef struct {
    Explanations *explanations;
    const ExplanationOptions *options;
    const Evaluation *evaluation;
    Explanation *const *items; /* (n) */
    guint n;
    float *vectors;               /* (n, D), as the base gives them */
    guint8 (*hashes)[CACHE_HASH]; /* (n), of the content that these were made from */
    char **files;                 /* (n + 1), where the images lie; NULL: not known */
    GHashTable *absent;           /* missing files, of all models; a set */
    GHashTable *changed;          /* and files that have changed */
} Gather;

const char *explanation_reason_name(ExplanationReason reason)
{
    static const char *const names[] = {"wrong", "unsure", "sample"};
    return names[reason];
}

gboolean explanations_possible(const GPtrArray *evaluations, GError **error)
{
    static const int shape[] = {EXPLANATION_SIDE, EXPLANATION_SIDE, EXPLANATION_CHANNELS};
    for (guint m = 0; m < evaluations->len; m++) {
        const Evaluation *evaluation = evaluations->pdata[m];
        const FeatureSpec *spec = evaluation->model->spec;
        if (memcmp(spec->shape, shape, sizeof shape) == 0 && network_is_dense(evaluation->model->network))
            continue;
        return error_set(error,
                         "%s: --explain needs a head of dense layers on the 7x7x512 features of block5_pool; "
                         "this model takes %dx%dx%d from %s%s",
                         evaluation->path, spec->shape[0], spec->shape[1], spec->shape[2], spec->layer,
                         network_is_dense(evaluation->model->network) ? ""
                                                                      : " through convolutions or poolings");
    }
    return TRUE;
}

const char *explanation_meaning(const Model *model)
{
    if (!g_str_equal(model->head, "linear"))
        return "Gradient x input of the decision value: an approximation, as the head is not linear. The "
               "contributions of the regions do not add up to the decision value.";
    if (model->scaling->kind == SCALE_STANDARD)
        return "Exact: the contributions of the regions add up to the decision value minus the bias. They "
               "show "
               "what differs from the mean of the training images, in standard deviations (at least the "
               "median "
               "of all features').";
    return scaling_by_image(model->scaling->kind)
               ? "Exact: the contributions of the regions add up to the decision value minus the bias. "
                 "Features "
                 "are relative to the length of the image's whole vector."
               : "Exact: the contributions of the regions add up to the decision value minus the bias.";
}

char *explanation_title(const Explanations *explanations, const Explanation *explanation)
{
    const Comparison *comparison = explanations->comparison;
    const Evaluation *evaluation = comparison_model(comparison, explanation->model);
    const char *const *names = test_images_class_names(comparison->images);
    int truth = test_images_labels(comparison->images)[explanation->image];
    int predicted = evaluation->predicted[explanation->image];
    double score = (double)evaluation_scores(
        evaluation)[(gsize)explanation->image * comparison_classes(comparison) + (gsize)predicted];
    g_autofree char *sure = evaluation->probabilities ? g_strdup_printf("%.1f %% sure", 100 * score)
                                                      : g_strdup_printf("decision value %.3f", score);
    return predicted == truth
               ? g_strdup_printf("%s, recognised (%s)", names[truth], sure)
               : g_strdup_printf("%s, taken for %s (%s)", names[truth], names[predicted], sure);
}

/* ---- Maps ---- */

/* Which decision values of an image are mapped. Of two classes a linear head's second map is the first with the signs
 * changed. */
static void choose_labels(const Gather *gather, Explanation *item)
{
    const Comparison *comparison = gather->explanations->comparison;
    const Evaluation *evaluation = gather->evaluation;
    guint classes = comparison_classes(comparison);
    int truth = test_images_labels(comparison->images)[item->image];
    int predicted = evaluation->predicted[item->image], second = -1;
    if (predicted != truth)
        second = truth;
    else if (item->reason == EXPLAIN_UNSURE)
        second = explanation_runner_up(evaluation_scores(evaluation) + (gsize)item->image * classes, classes,
                                       predicted);
    gboolean mirrored = classes == 2 && g_str_equal(evaluation->model->head, "linear");
    item->maps[0].label = predicted;
    item->maps[1].label = second;
    item->n_maps = second >= 0 && !mirrored ? 2 : 1;
}

/* The bias of an output in the last dense layer. */
static double output_bias(const Network *network, int output)
{
    for (guint l = network->layers->len; l-- > 0;) {
        const Layer *layer = network->layers->pdata[l];
        if (layer->kind == LAYER_DENSE)
            return (double)layer->bias[output];
    }
    return 0;
}

static void fill_map(const Model *model, const float *scaled, const float *gradient, float logit,
                     ExplanationMap *map)
{
    double temperature = model->temperature > 0 ? model->temperature : 1, total = 0;
    map->bias = output_bias(model->network, map->label) / temperature;
    for (guint p = 0; p < EXPLANATION_PLACES; p++) {
        double sum = 0;
        for (guint c = 0; c < EXPLANATION_CHANNELS; c++)
            sum +=
                (double)gradient[p * EXPLANATION_CHANNELS + c] * (double)scaled[p * EXPLANATION_CHANNELS + c];
        map->map[p] = sum / temperature;
        total += map->map[p];
    }
    /* A linear head's value in double precision: float loses the fifth digit over 25,088 terms. */
    map->value = g_str_equal(model->head, "linear") ? map->bias + total : (double)logit / temperature;
}

static void make_maps(const Gather *gather, ThreadPool *thread_pool)
{
    const Model *model = gather->evaluation->model;
    gsize features = feature_spec_features(model->spec), classes = model->classes->len;
    guint most = 2 * gather->n, n = 0;
    g_autofree float *scaled = g_new(float, gather->n *features + 1);
    g_autofree const float **rows = g_new(const float *, most + 1);
    g_autofree ExplanationMap **maps = g_new(ExplanationMap *, most + 1);
    g_autofree int *labels = g_new(int, most + 1);
    for (guint i = 0; i < gather->n; i++) {
        scaling_apply(model->scaling, gather->vectors + i * features, scaled + i * features);
        choose_labels(gather, gather->items[i]);
        for (guint m = 0; m < gather->items[i]->n_maps; m++, n++) {
            rows[n] = scaled + i * features;
            maps[n] = gather->items[i]->maps + m;
            labels[n] = maps[n]->label;
        }
    }
    g_autofree float *logits = g_new(float, n *classes + 1), *gradients = g_new(float, n *features + 1);
    network_gradients(model->network, thread_pool, rows, (int)n, labels, logits, gradients);
    for (guint k = 0; k < n; k++)
        fill_map(model, rows[k], gradients + k * features, logits[k * classes + (gsize)labels[k]], maps[k]);
}

/* ---- Features and images ---- */

static const char *path_of(const Gather *gather, guint i)
{
    return gather->explanations->comparison->images->paths->pdata[gather->items[i]->image];
}

/* by_path: path -> item of the cache. */
static gboolean read_vectors(Gather *gather, Cache *cache, GHashTable *by_path, GError **error)
{
    gsize features = feature_spec_features(cache_feature_spec(cache));
    for (guint i = 0; i < gather->n; i++) {
        gpointer item;
        if (!g_hash_table_lookup_extended(by_path, path_of(gather, i), NULL, &item))
            return error_set(error, "%s: %s has disappeared from it in the meantime; run evaluate again",
                             cache_path(cache), path_of(gather, i));
        float *to = gather->vectors + i * features;
        const float *x = cache_features(cache, GPOINTER_TO_UINT(item), to, error);
        if (!x)
            return FALSE;
        if (x != to)
            memcpy(to, x, features * sizeof *to);
        memcpy(gather->hashes[i], cache_item(cache, GPOINTER_TO_UINT(item))->hash, CACHE_HASH);
    }
    return TRUE;
}

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Gather *gather = user;
    gsize size = feature_spec_features(gather->evaluation->model->spec);
    if (!features)
        return error_set(error, "%s: could be read a moment ago, but not now (%s); run evaluate again",
                         gather->files[index], reason);
    memcpy(gather->vectors + index * size, features, size * sizeof *features);
    memcpy(gather->hashes[index], hash, CACHE_HASH);
    return TRUE;
}

static gboolean compute_vectors(Gather *gather, const Weights *weights, GError **error)
{
    const ImagesOptions images = {"Explaining", gather->evaluation->model->spec, weights,
                                  gather->options->threads};
    return images_run(&images, (const char *const *)gather->files, gather->n, take_vector, gather, error);
}

/* The image as the base saw it, unless it is no longer there. */
static void read_image(const Gather *gather, guint i)
{
    const FeatureSpec *spec = gather->evaluation->model->spec;
    const char *file = gather->files[i];
    Decoding how = feature_spec_decoding(spec);
    g_autofree guint8 *rgb = g_malloc((gsize)spec->side * (gsize)spec->side * 3);
    g_autoptr(GBytes) content = NULL;
    guint8 hash[CACHE_HASH];
    if (!image_file_decode(file, &how, rgb, &content, NULL)) {
        g_hash_table_add(gather->absent, g_strdup(file));
        return;
    }
    sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), hash);
    if (memcmp(hash, gather->hashes[i], CACHE_HASH) == 0)
        gather->items[i]->rgb = g_steal_pointer(&rgb);
    else
        g_hash_table_add(gather->changed, g_strdup(file));
}

static void warn_of_images(const Gather *gather, const char *folder)
{
    guint absent = g_hash_table_size(gather->absent), changed = g_hash_table_size(gather->changed);
    if (!folder)
        cli_remark("the maps are drawn without images; give --images DIR to show them");
    if (absent)
        cli_warn("%u of the images to explain could not be read below %s: their maps are drawn without them",
                 absent, folder);
    if (changed)
        cli_warn("%u of the images to explain, below %s, %s changed since their features were made: their "
                 "maps are drawn without them",
                 changed, folder, plural(changed, "has", "have"));
}

/* ---- All of it ---- */

static gboolean explain_model(Gather *gather, const char *folder, Cache *cache, GHashTable *by_path,
                              const Weights *weights, ThreadPool *thread_pool, GError **error)
{
    g_autofree float *vectors =
        g_new(float, gather->n *feature_spec_features(gather->evaluation->model->spec) + 1);
    g_autofree guint8(*hashes)[CACHE_HASH] = g_malloc((gather->n + 1) * sizeof *hashes);
    g_auto(GStrv) files = g_new0(char *, gather->n + 1);
    gather->vectors = vectors;
    gather->hashes = hashes;
    gather->files = files;
    for (guint i = 0; folder && i < gather->n; i++)
        files[i] = g_build_filename(folder, path_of(gather, i), NULL);
    if (!(cache ? read_vectors(gather, cache, by_path, error) : compute_vectors(gather, weights, error)))
        return FALSE;
    make_maps(gather, thread_pool);
    for (guint i = 0; folder && i < gather->n; i++)
        read_image(gather, i);
    return TRUE;
}

static gboolean explain_models(Explanations *explanations, const ExplanationOptions *options, Cache *cache,
                               const Weights *weights, GError **error)
{
    const Comparison *comparison = explanations->comparison;
    const char *folder = cache ? options->images : comparison->images->source;
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(options->threads);
    g_autoptr(GHashTable) by_path = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) absent = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Gather gather = {.explanations = explanations, .options = options, .absent = absent, .changed = changed};
    for (guint i = 0; cache && i < cache_count(cache); i++)
        g_hash_table_insert(by_path, (gpointer)cache_item(cache, i)->path, GUINT_TO_POINTER(i));
    for (guint m = 0; m < comparison->evaluations->len; m++) {
        guint first = explanations->items->len;
        gather.evaluation = comparison_model(comparison, m);
        explanation_choose(comparison, m, options->seed, explanations->items);
        gather.items = (Explanation *const *)explanations->items->pdata + first;
        gather.n = explanations->items->len - first;
        if (!explain_model(&gather, folder, cache, by_path, weights, thread_pool, error))
            return FALSE;
    }
    warn_of_images(&gather, folder);
    return TRUE;
}

static void explanation_free(gpointer data)
{
    g_free(((Explanation *)data)->rgb);
    g_free(data);
}

Explanations *explanations_new(const Comparison *comparison, const ExplanationOptions *options,
                               GError **error)
{
    const TestImages *images = comparison->images;
    g_autoptr(Explanations) explanations = g_new0(Explanations, 1);
    explanations->comparison = comparison;
    explanations->items = g_ptr_array_new_with_free_func(explanation_free);
    g_autoptr(Cache) cache = images->is_cache ? cache_open(images->source, error) : NULL;
    g_autoptr(Weights) weights = NULL;
    if (images->is_cache ? !cache
                         : !evaluation_weights(options->weights, comparison->evaluations, &weights, error))
        return NULL;
    return explain_models(explanations, options, cache, weights, error) ? g_steal_pointer(&explanations)
                                                                        : NULL;
}

void explanations_free(Explanations *explanations)
{
    if (!explanations)
        return;
    g_ptr_array_unref(explanations->items);
    g_free(explanations);
}
