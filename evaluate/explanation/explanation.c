/* explanation: see explanation.h. */
#include "evaluate/explanation/explanation.h"

#include "common/cache/cache.h"
#include "common/cli/cli.h"
#include "common/core/error.h"
#include "common/core/plural.h"
#include "common/core/sha256.h"
#include "common/image/image_file.h"
#include "evaluate/prediction/images.h"
#include "evaluate/prediction/judge.h"

#include <string.h>

/* An image's file, as far as it was looked for. */
typedef enum { FILE_FINE, FILE_ABSENT, FILE_CHANGED, FILES } Found;

/* Images that are explained, of one model. */
typedef struct {
    PipelineImages images; /* first; of the model's features before pooling */
    Comparison *comparison;
    const Evaluation *evaluation;
    guint places;
    gsize features;            /* of these: places * EXPLANATION_CHANNELS */
    const Network *pooling;    /* of these, to what the model takes */
    Explanation *const *items; /* (n) */
    guint n;
    float *scaled;       /* (n, D) what the head takes, and */
    float *parts;        /* (n, features) these divided among the places */
    guint8 *files_found; /* (N) Found, of all images */
} Gather;

int explanation_side(const FeatureSpec *spec)
{
    return feature_spec_is_imported(spec) ? VGG16_SIDE : spec->side;
}

static gboolean has_places(const FeatureSpec *maps)
{
    int side = explanation_side(maps) / EXPLANATION_PIXELS;
    return side >= 2 && side <= EXPLANATION_MOST && maps->shape[0] == side && maps->shape[1] == side &&
           maps->shape[2] == EXPLANATION_CHANNELS;
}

gboolean explanations_possible(const Comparison *comparison, gboolean has_images, GError **error)
{
    for (guint m = 0; m < comparison->models; m++) {
        const Evaluation *evaluation = comparison->evaluations[m];
        const FeatureSpec *spec = evaluation->model->spec;
        gboolean dense = network_is_dense(evaluation->model->network);
        g_autoptr(FeatureSpec) maps = feature_spec_unpooled(spec);
        if (!dense || !has_places(maps))
            return error_set(
                error,
                "%s: --explain needs a head of dense layers on the features of block5_pool, such as 7x7x512; "
                "this model takes %dx%dx%d from %s%s",
                evaluation->path, spec->shape[0], spec->shape[1], spec->shape[2], spec->layer,
                dense ? "" : " through convolutions or poolings");
        if (spec->pool && !has_images)
            return error_set(
                error,
                "%s: --explain needs the images, as the features of the CACHE are pooled over all "
                "places: give --images DIR",
                evaluation->path);
    }
    return TRUE;
}

#define EXACT "Exact: the contributions of the regions add up to the decision value minus the bias"

const char *explanation_meaning(const Model *model)
{
    if (!g_str_equal(model->head, "linear"))
        return "Gradient x input of the decision value: an approximation, as the head is not linear. The "
               "contributions of the regions do not add up to the decision value.";
    if (model->scaling->kind == SCALE_STANDARD)
        return EXACT ". They show what differs from the mean of the training images, in standard deviations "
                     "(at least the median of all features').";
    return scaling_by_image(model->scaling->kind) ? EXACT
               ". Features are relative to the length of the image's whole vector."
                                                  : EXACT ".";
}

char *explanation_title(const Explanation *explanation)
{
    const Evaluation *evaluation = explanation->model;
    guint image = explanation->image;
    const char *label = comparison_label(evaluation->comparison, image);
    double score = (double)evaluation_scores(evaluation, image)[evaluation->predicted[image]];
    g_autofree char *sure = evaluation->probabilities ? g_strdup_printf("%.1f %% sure", 100 * score)
                                                      : g_strdup_printf("decision value %.3f", score);
    return evaluation->is_right[image]
               ? g_strdup_printf("%s, recognised (%s)", label, sure)
               : g_strdup_printf("%s, taken for %s (%s)", label, evaluation_answer(evaluation, image), sure);
}

/* ---- Maps ---- */

/* Which decision values of an image are mapped. Of two classes a linear head's second map is the first with the signs
 * changed. */
static void choose_labels(const Gather *gather, Explanation *item)
{
    const Comparison *comparison = gather->comparison;
    const Evaluation *evaluation = gather->evaluation;
    guint classes = comparison->classes;
    int truth = comparison->labels[item->image];
    int predicted = evaluation->predicted[item->image], second = -1;
    if (predicted != truth)
        second = truth;
    else if (item->reason == EXPLAIN_UNSURE)
        second = evaluation_runner_up(evaluation, item->image);
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

/* The parts of each place in the scaled features of maps x: as they are; of an average, which scaling by the image
 * multiplies and standardising shifts, in proportion or of the shift; of the largest value, all in its place. */
static void divide(const Model *model, guint places, const float *x, const float *scaled, float *parts)
{
    enum { CHANNELS = EXPLANATION_CHANNELS };
    const Scaling *scaling = model->scaling;
    if (model->spec->pool == POOL_NONE) {
        memcpy(parts, scaled, (gsize)places * CHANNELS * sizeof *parts);
        return;
    }
    for (guint c = 0; c < CHANNELS; c++) {
        double sum = 0;
        guint largest = 0;
        for (guint p = 0; p < places; p++) {
            sum += (double)x[p * CHANNELS + c];
            largest = x[p * CHANNELS + c] > x[largest * CHANNELS + c] ? p : largest;
        }
        for (guint p = 0; p < places; p++) {
            double value = (double)x[p * CHANNELS + c];
            double share = model->spec->pool == POOL_MAX ? p == largest : sum > 0 ? value / sum : 0;
            gboolean shifts = model->spec->pool == POOL_AVG && scaling->kind == SCALE_STANDARD;
            parts[p * CHANNELS + c] =
                (float)(shifts ? (value - (double)scaling->mean[c]) * (double)scaling->inverse[c] / places
                               : share * (double)scaled[c]);
        }
    }
}

static void fill_map(const Model *model, guint places, const float *parts, const float *gradient, float logit,
                     ExplanationMap *map)
{
    double temperature = model->temperature > 0 ? model->temperature : 1, total = 0;
    map->bias = output_bias(model->network, map->label) / temperature;
    for (guint p = 0; p < places; p++) {
        double sum = 0;
        const float *slope = gradient + (model->spec->pool ? 0 : p * EXPLANATION_CHANNELS);
        for (guint c = 0; c < EXPLANATION_CHANNELS; c++)
            sum += (double)slope[c] * (double)parts[p * EXPLANATION_CHANNELS + c];
        map->map[p] = sum / temperature;
        total += map->map[p];
    }
    /* A linear head's value in double precision: float loses the fifth digit over 25,088 terms. */
    map->value = g_str_equal(model->head, "linear") ? map->bias + total : (double)logit / temperature;
}

/* x (features): of the i-th image. */
static void take_features(const Gather *gather, guint i, const float *x)
{
    const Model *model = gather->evaluation->model;
    float *scaled = gather->scaled + i * feature_spec_features(model->spec);
    if (model->spec->pool)
        network_predict(gather->pooling, gather->comparison->thread_pool, &x, 1, scaled);
    scaling_apply(model->scaling, model->spec->pool ? scaled : x, scaled);
    divide(model, gather->places, x, scaled, gather->parts + i * gather->features);
}

/* All at once, which reads the head's weights, most of the work, once instead of for each image. */
static void make_maps(const Gather *gather)
{
    const Model *model = gather->evaluation->model;
    gsize features = feature_spec_features(model->spec), classes = model->classes->len;
    guint most = 2 * gather->n, n = 0;
    g_autofree const float **rows = g_new(const float *, most + 1);
    g_autofree int *labels = g_new(int, most + 1);
    for (guint i = 0; i < gather->n; i++) {
        Explanation *item = gather->items[i];
        choose_labels(gather, item);
        for (guint m = 0; m < item->n_maps; m++, n++) {
            rows[n] = gather->scaled + i * features;
            labels[n] = item->maps[m].label;
        }
    }
    g_autofree float *logits = g_new(float, n *classes + 1), *gradients = g_new(float, n *features + 1);
    network_gradients(model->network, gather->comparison->thread_pool, rows, (int)n, labels, logits,
                      gradients);
    for (guint i = 0, k = 0; i < gather->n; i++)
        for (guint m = 0; m < gather->items[i]->n_maps; m++, k++) {
            ExplanationMap *map = &gather->items[i]->maps[m];
            map->side = (guint)gather->images.spec->shape[0];
            fill_map(model, gather->places, gather->parts + i * gather->features, gradients + k * features,
                     logits[k * classes + (gsize)labels[k]], map);
        }
}

/* ---- Features and images ---- */

static const DatasetItem *image_of(const Gather *gather, guint i)
{
    return gather->comparison->items[gather->items[i]->image];
}

static gboolean read_vectors(const Gather *gather, GError **error)
{
    g_autofree float *buffer = g_new(float, gather->features);
    for (guint i = 0; i < gather->n; i++) {
        const float *x =
            cache_features(gather->comparison->images->cache, gather->items[i]->image, buffer, error);
        if (!x)
            return FALSE;
        take_features(gather, i, x);
    }
    return TRUE;
}

static gboolean take_vector(guint index, const float *features, const guint8 *hash, const char *reason,
                            gpointer user, GError **error)
{
    Gather *gather = user;
    const DatasetItem *image = image_of(gather, index);
    if (!features)
        return error_set(error, "%s: cannot be explained: %s", image->path, reason);
    if (gather->comparison->images->cache && memcmp(image->hash, hash, CACHE_HASH) != 0)
        return error_set(error, "%s: has changed since its features were made: run extract again",
                         image->path);
    take_features(gather, index, features);
    return TRUE;
}

static gboolean compute_vectors(Gather *gather, GError **error)
{
    if (!judge_weights(gather->comparison, error))
        return FALSE;
    g_autoptr(Dataset) list = dataset_new("");
    g_autoptr(Pipeline) pipeline = images_pipeline(gather->images.spec, gather->comparison->weights,
                                                   gather->comparison->thread_pool, error);
    for (guint i = 0; i < gather->n; i++)
        dataset_add(list, image_of(gather, i)->path, 0);
    return pipeline && images_run(pipeline, "Explaining", list, take_vector, gather, error);
}

/* The image as the base saw it, unless it is no longer there. */
static void read_image(const Gather *gather, guint i)
{
    const FeatureSpec *spec = gather->evaluation->model->spec;
    const DatasetItem *image = image_of(gather, i);
    Decoding how = feature_spec_decoding(spec);
    g_autofree guint8 *rgb = g_malloc((gsize)spec->side * (gsize)spec->side * 3);
    g_autoptr(GBytes) content = NULL;
    guint8 hash[CACHE_HASH];
    guint8 *found = &gather->files_found[gather->items[i]->image];
    if (!image_file_decode(image->path, &how, rgb, &content, NULL)) {
        *found = FILE_ABSENT;
        return;
    }
    sha256(g_bytes_get_data(content, NULL), g_bytes_get_size(content), hash);
    if (memcmp(hash, image->hash, CACHE_HASH) == 0)
        gather->items[i]->rgb = g_steal_pointer(&rgb);
    else
        *found = FILE_CHANGED;
}

static void warn_of_images(const Gather *gather)
{
    const char *folder = gather->comparison->images->folder;
    guint counts[FILES] = {0}, absent, changed;
    for (guint i = 0; i < gather->comparison->n; i++)
        counts[gather->files_found[i]]++;
    absent = counts[FILE_ABSENT], changed = counts[FILE_CHANGED];
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

static gboolean explain_model(Gather *gather, GError **error)
{
    const FeatureSpec *spec = gather->evaluation->model->spec;
    const TestImages *images = gather->comparison->images;
    g_autoptr(FeatureSpec) maps = feature_spec_unpooled(spec);
    g_autoptr(Network) pooling = network_new(maps->shape[0], maps->shape[1], maps->shape[2]);
    vgg16_append_pool(pooling, spec->pool, NULL);
    gather->pooling = pooling;
    gather->features = feature_spec_features(maps);
    gather->places = (guint)(gather->features / EXPLANATION_CHANNELS);
    gather->images.spec = maps;
    g_autofree float *scaled = g_new(float, gather->n *feature_spec_features(spec) + 1);
    g_autofree float *parts = g_new(float, gather->n * gather->features + 1);
    gather->scaled = scaled;
    gather->parts = parts;
    if (!(images->cache && spec->pool == POOL_NONE ? read_vectors(gather, error)
                                                   : compute_vectors(gather, error)))
        return FALSE;
    make_maps(gather);
    gboolean shows = images->folder && !feature_spec_is_imported(spec);
    for (guint i = 0; shows && i < gather->n; i++)
        read_image(gather, i);
    return TRUE;
}

static void explanation_free(gpointer data)
{
    g_free(((Explanation *)data)->rgb);
    g_free(data);
}

GPtrArray *explanations_new(Comparison *comparison, guint64 seed, GError **error)
{
    g_autoptr(GPtrArray) explanations = g_ptr_array_new_with_free_func(explanation_free);
    g_autofree guint8 *found = g_new0(guint8, comparison->n + 1);
    Gather gather = {.comparison = comparison, .files_found = found};
    for (guint m = 0; m < comparison->models; m++) {
        guint first = explanations->len;
        gather.evaluation = comparison->evaluations[m];
        explanation_choose(gather.evaluation, seed, explanations);
        gather.items = (Explanation *const *)explanations->pdata + first;
        gather.n = explanations->len - first;
        if (!explain_model(&gather, error))
            return NULL;
    }
    warn_of_images(&gather);
    return g_steal_pointer(&explanations);
}
