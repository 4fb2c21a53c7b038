/* model: see model.h. */
#include "common/model/model.h"

#include "common/core/error.h"
#include "common/core/floats.h"
#include "common/hdf5/hdf5_file.h"
#include "common/model/model_json.h"
#include "common/network/scores.h"

#include <math.h>
#include <string.h>

enum { FORMAT_VERSION = 1, PREDICT_ROWS = 256 /* scaled at a time: 26 MB of block5_pool's features */ };

#define KERAS_WEIGHTS   "/model_weights"
#define SCALING_MEAN    "/vggcache/scaling_mean"
#define SCALING_INVERSE "/vggcache/scaling_inverse"
#define TRAINED_ON      "/vggcache/trained_on"
#define NOVELTY         "vggcache_novelty"
#define NOVELTY_KEPT    "/vggcache/novelty_images"
#define NOVELTY_HELD    "/vggcache/novelty_held"

void model_free(Model *model)
{
    if (!model)
        return;
    g_free(model->approach);
    g_free(model->head);
    g_clear_pointer(&model->classes, g_ptr_array_unref);
    feature_spec_free(model->spec);
    scaling_free(model->scaling);
    network_free(model->network);
    json_decref(model->training);
    g_clear_pointer(&model->trained_on, g_array_unref);
    novelty_free(model->novelty);
    g_free(model);
}

/* ---- Numbers: written, or read, in the same order ---- */

static gboolean refuse_infinite(const char *path, GError **error)
{
    return error_set(error,
                     "%s: not saved, as the model has weights or a scaling that are not finite; are "
                     "features infinite, NaN, or beyond the range in which float32 can be scaled?",
                     path);
}

/* No file is written that would be refused when it is read. */
static gboolean pass_floats(Hdf5File *file, gboolean writes, const char *dataset, int rank,
                            const gsize *shape, float *values, GError **error)
{
    gsize n = 1;
    for (int r = 0; r < rank; r++)
        n *= shape[r];
    if (!writes && !hdf5_read_floats(file, dataset, rank, shape, values, error))
        return FALSE;
    if (floats_finite(values, n) < n)
        return writes ? refuse_infinite(hdf5_path(file), error)
                      : error_set(error, "%s: its dataset %s has values that are not finite", hdf5_path(file),
                                  dataset);
    return !writes || hdf5_write_floats(file, dataset, rank, shape, values, error);
}

/* By Keras 2's names. */
static gboolean pass_layer(Hdf5File *file, gboolean writes, const Layer *layer, GError **error)
{
    g_autofree char *group = g_strdup_printf("/%s", layer->name);
    g_autofree char *kernel = g_strdup_printf("%s/kernel:0", layer->name);
    g_autofree char *bias = g_strdup_printf("%s/bias:0", layer->name);
    const char *names[] = {layer->kernel ? kernel : NULL, bias, NULL};
    if (writes && !hdf5_write_names(file, group, "weight_names", names, error))
        return FALSE;
    if (!layer->kernel)
        return TRUE;
    g_autofree char *kernel_path = g_strdup_printf("%s/%s", group, kernel);
    g_autofree char *bias_path = g_strdup_printf("%s/%s", group, bias);
    gsize shape[4];
    int rank = layer_kernel_shape(layer, shape);
    return pass_floats(file, writes, kernel_path, rank, shape, layer->kernel, error) &&
           pass_floats(file, writes, bias_path, 1, &layer->bias_count, layer->bias, error);
}

static gboolean pass_layers(Hdf5File *file, gboolean writes, const Network *network, GError **error)
{
    for (guint i = 0; i < network->layers->len; i++)
        if (!pass_layer(file, writes, network->layers->pdata[i], error))
            return FALSE;
    return TRUE;
}

static gboolean pass_scaling(Hdf5File *file, gboolean writes, const Scaling *scaling, GError **error)
{
    const gsize *shape = &scaling->features;
    return scaling->kind != SCALE_STANDARD ||
           (pass_floats(file, writes, SCALING_MEAN, 1, shape, scaling->mean, error) &&
            pass_floats(file, writes, SCALING_INVERSE, 1, shape, scaling->inverse, error));
}

static gboolean pass_novelty(Hdf5File *file, gboolean writes, const Novelty *novelty, GError **error)
{
    const gsize shape[2] = {novelty->width, novelty->n};
    return pass_floats(file, writes, NOVELTY_KEPT, 2, shape, novelty->images, error) &&
           pass_floats(file, writes, NOVELTY_HELD, 1, shape + 1, novelty->held, error);
}

/* ---- Saving ---- */

/* Takes ownership of value; NULL stands for text that is not UTF-8, which JSON cannot represent. */
static gboolean write_json(Hdf5File *file, const char *attribute, json_t *value, GError **error)
{
    g_autofree char *text = value ? json_dumps(value, JSON_SORT_KEYS) : NULL;
    json_decref(value);
    if (!text)
        return error_set(error, "%s: %s cannot be written: a name in it is not UTF-8", hdf5_path(file),
                         attribute);
    return hdf5_write_text(file, "/", attribute, text, error);
}

gboolean model_holds_names(const char *source, const GPtrArray *names, GError **error)
{
    for (guint k = 0; k < names->len; k++)
        if (!g_utf8_validate(names->pdata[k], -1, NULL))
            return error_set(error,
                             "%s: its class %s has a name that is not UTF-8: rename the images' folder",
                             source, (const char *)names->pdata[k]);
    return TRUE;
}

static json_t *classes_to_json(const GPtrArray *classes)
{
    json_t *names = json_array();
    for (guint i = 0; i < classes->len; i++)
        if (json_array_append_new(names, json_string(classes->pdata[i])) != 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

static gboolean write_attributes(Hdf5File *file, const Model *model, GError **error)
{
    json_t *training = json_pack("{s:s, s:s, s:O}", "approach", model->approach, "head", model->head,
                                 "settings", model->training);
    json_t *calibration =
        json_pack("{s:b, s:b, s:f, s:f}", "probabilities", model->probabilities, "sigmoids", model->sigmoids,
                  "temperature", model->temperature, "threshold", model->threshold);
    gboolean good = write_json(file, "vggcache_format", json_pack("{s:i}", "version", FORMAT_VERSION), error);
    good &= write_json(file, "vggcache_recipe", feature_spec_to_json(model->spec), good ? error : NULL);
    good &= write_json(file, "vggcache_classes", classes_to_json(model->classes), good ? error : NULL);
    good &= write_json(file, "vggcache_network", network_to_json(model->network), good ? error : NULL);
    good &= write_json(file, "vggcache_scaling", scaling_to_json(model->scaling), good ? error : NULL);
    good &= write_json(file, "vggcache_calibration", calibration, good ? error : NULL);
    good &= write_json(file, "vggcache_training", training, good ? error : NULL);
    good &= write_json(file, "model_config", keras_config(model), good ? error : NULL);
    return good;
}

/* What Keras looks for in a group that holds weights; below KERAS_WEIGHTS the layers' groups are linked, not copied. */
static gboolean write_layer_list(Hdf5File *file, const Network *network, const char *group, GError **error)
{
    const GPtrArray *layers = network->layers;
    g_autofree const char **names = g_new0(const char *, layers->len + 1);
    for (guint i = 0; i < layers->len; i++)
        names[i] = ((const Layer *)layers->pdata[i])->name;
    if (!hdf5_write_names(file, group, "layer_names", names, error) ||
        !hdf5_write_text(file, group, "backend", "tensorflow", error) ||
        !hdf5_write_text(file, group, "keras_version", "2.15.0", error))
        return FALSE;
    for (guint i = 0; i < layers->len && !g_str_equal(group, "/"); i++) {
        g_autofree char *layer = g_strdup_printf("/%s", names[i]);
        g_autofree char *link = g_strdup_printf("%s/%s", group, names[i]);
        if (!hdf5_link(file, layer, link, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_novelty(Hdf5File *file, const Model *model, GError **error)
{
    const Novelty *novelty = model->novelty;
    if (!novelty)
        return TRUE;
    json_t *about = json_pack("{s:I, s:o*}", "images", (json_int_t)novelty->n, "limit",
                              json_real(novelty->limit)); /* NULL where it is infinite */
    return write_json(file, NOVELTY, about, error) && pass_novelty(file, TRUE, novelty, error);
}

gboolean model_save(const Model *model, const char *path, GError **error)
{
    if (!isfinite(model->scaling->max) || !isfinite(model->temperature)) /* which JSON has no numbers for */
        return refuse_infinite(path, error);
    g_autoptr(Hdf5File) file = hdf5_create(path, error);
    return file && write_attributes(file, model, error) && pass_layers(file, TRUE, model->network, error) &&
           write_layer_list(file, model->network, "/", error) &&
           write_layer_list(file, model->network, KERAS_WEIGHTS, error) &&
           pass_scaling(file, TRUE, model->scaling, error) &&
           (!model->trained_on ||
            hdf5_write_numbers(file, TRAINED_ON, model->trained_on->len,
                               (const guint64 *)(const void *)model->trained_on->data, error)) &&
           write_novelty(file, model, error) && hdf5_commit(file, error);
}

/* ---- Loading ---- */

static json_t *read_json(Hdf5File *file, const char *attribute, GError **error)
{
    json_error_t wrong;
    g_autofree char *text = hdf5_read_text(file, "/", attribute, error);
    json_t *value = text ? json_loads(text, JSON_REJECT_DUPLICATES, &wrong) : NULL;
    if (text && !value)
        error_set(error, "%s: its attribute %s is not JSON (%s)", hdf5_path(file), attribute, wrong.text);
    return value;
}

static gboolean read_format(Hdf5File *file, GError **error)
{
    json_auto_t *format = read_json(file, "vggcache_format", error);
    int version = 0;
    if (!format)
        return FALSE;
    json_unpack(format, "{s:i}", "version", &version);
    return version == FORMAT_VERSION ||
           error_set(error, "%s: the model has format %d, but this program reads format %d", hdf5_path(file),
                     version, FORMAT_VERSION);
}

static gboolean read_classes(Hdf5File *file, Model *model, GError **error)
{
    json_auto_t *names = read_json(file, "vggcache_classes", error);
    json_t *name;
    size_t i;
    if (!names)
        return FALSE;
    model->classes = g_ptr_array_new_with_free_func(g_free);
    json_array_foreach(names, i, name)
    {
        if (!json_is_string(name))
            return error_set(error, "%s: its list of classes contains something other than names",
                             hdf5_path(file));
        g_ptr_array_add(model->classes, g_strdup(json_string_value(name)));
    }
    return model->classes->len > 1 ||
           error_set(error, "%s: it has no list of classes, of which a model has two or more",
                     hdf5_path(file));
}

static gboolean read_training(Hdf5File *file, Model *model, GError **error)
{
    json_auto_t *training = read_json(file, "vggcache_training", error);
    json_auto_t *calibration = training ? read_json(file, "vggcache_calibration", error) : NULL;
    const char *approach, *head;
    int probabilities, sigmoids;
    if (!calibration)
        return FALSE;
    if (json_unpack(training, "{s:s, s:s, s:o}", "approach", &approach, "head", &head, "settings",
                    &model->training) != 0 ||
        json_unpack(calibration, "{s:b, s:b, s:F, s?F}", "probabilities", &probabilities, "sigmoids",
                    &sigmoids, "temperature", &model->temperature, "threshold", &model->threshold) != 0) {
        model->training = NULL;
        return error_set(error, "%s: its attribute vggcache_training or vggcache_calibration is invalid",
                         hdf5_path(file));
    }
    json_incref(model->training);
    model->approach = g_strdup(approach);
    model->head = g_strdup(head);
    model->probabilities = probabilities;
    model->sigmoids = sigmoids;
    return (model->temperature >= 0 && isfinite(model->temperature) && model->threshold >= 0 &&
            model->threshold <= 1) ||
           error_set(error, "%s: its temperature is not a number >= 0, or its threshold no probability",
                     hdf5_path(file));
}

/* Reads feature specification, network and scaling, and checks that they fit together. */
static gboolean read_parts(Hdf5File *file, Model *model, GError **error)
{
    json_auto_t *spec = read_json(file, "vggcache_recipe", error);
    json_auto_t *network = spec ? read_json(file, "vggcache_network", error) : NULL;
    json_auto_t *scaling = network ? read_json(file, "vggcache_scaling", error) : NULL;
    if (!scaling)
        return FALSE;
    if (!(model->spec = feature_spec_from_json(spec, error)) ||
        !(model->network = network_from_json(network, error)) ||
        !(model->scaling = scaling_from_json(scaling, feature_spec_features(model->spec), error))) {
        g_prefix_error(error, "%s: ", hdf5_path(file));
        return FALSE;
    }
    gsize features = network_inputs(model->network);
    if (features != feature_spec_features(model->spec))
        return error_set(error, "%s: its network takes %zu features, its feature specification gives %zu",
                         hdf5_path(file), features, feature_spec_features(model->spec));
    return network_outputs(model->network) == (int)model->classes->len ||
           error_set(error, "%s: its network has %d outputs for %u classes", hdf5_path(file),
                     network_outputs(model->network), model->classes->len);
}

/* Missing in files of earlier versions. */
static gboolean read_trained_on(Hdf5File *file, Model *model, GError **error)
{
    int found = hdf5_has_dataset(file, TRAINED_ON, error);
    if (found <= 0)
        return found == 0;
    TrainedOn *trained_on = model->trained_on = hdf5_read_numbers(file, TRAINED_ON, TRAINED_ON_MAX, error);
    for (guint i = 1; trained_on && i < trained_on->len; i++)
        if (g_array_index(trained_on, guint64, i - 1) >= g_array_index(trained_on, guint64, i))
            return error_set(error, "%s: its dataset %s is not in ascending order", hdf5_path(file),
                             TRAINED_ON);
    return trained_on != NULL;
}

/* Missing in files of earlier versions, and where the base learns. */
static gboolean read_novelty(Hdf5File *file, Model *model, GError **error)
{
    int found = hdf5_has_dataset(file, NOVELTY_KEPT, error);
    json_auto_t *about = found > 0 ? read_json(file, NOVELTY, error) : NULL;
    int images = 0;
    double limit = -INFINITY;
    if (!about)
        return found == 0;
    if (json_unpack(about, "{s:i, s?F}", "images", &images, "limit", &limit) != 0 || images < 1 ||
        (guint)images > novelty_most(model->spec->shape) || limit > 1)
        return error_set(error, "%s: its attribute %s is invalid", hdf5_path(file), NOVELTY);
    Novelty *novelty = model->novelty = novelty_new(model->spec->shape, (guint)images);
    novelty->limit = limit;
    if (!pass_novelty(file, FALSE, novelty, error))
        return FALSE;
    for (guint i = 1; i < novelty->n; i++)
        if (novelty->held[i - 1] > novelty->held[i])
            return error_set(error, "%s: its dataset %s is not in ascending order", hdf5_path(file),
                             NOVELTY_HELD);
    return TRUE;
}

Model *model_load(const char *path, GError **error)
{
    g_autoptr(Hdf5File) file = hdf5_open_sealed(path, error);
    g_autoptr(Model) model = g_new0(Model, 1);
    if (file && read_format(file, error) && read_classes(file, model, error) &&
        read_training(file, model, error) && read_parts(file, model, error) &&
        pass_layers(file, FALSE, model->network, error) && pass_scaling(file, FALSE, model->scaling, error) &&
        read_trained_on(file, model, error) && read_novelty(file, model, error))
        return g_steal_pointer(&model);
    return NULL;
}

/* ---- Use ---- */

typedef struct {
    const Scaling *scaling;
    const float *const *x; /* rows to scale */
    float **scaled;        /* results */
} ScaleJob;

static void scale_row(guint row, guint worker, gpointer data)
{
    const ScaleJob *job = data;
    scaling_apply(job->scaling, job->x[row], job->scaled[row]);
}

MemoryNeed model_predict_memory(const Model *model, guint threads, int n)
{
    MemoryNeed need = network_predict_memory(model->network, threads, n);
    if (model->scaling->kind != SCALE_NONE)
        need.memory += (gsize)MIN(n, PREDICT_ROWS) * model->scaling->features * sizeof(float);
    return need;
}

/* The network's outputs, without sigmoids. */
static void predict_values(const Model *model, ThreadPool *thread_pool, const float *const *x, int n,
                           float *out)
{
    if (model->scaling->kind == SCALE_NONE) {
        network_predict(model->network, thread_pool, x, n, out);
        return;
    }
    gsize features = model->scaling->features;
    int max = MIN(n, PREDICT_ROWS);
    float *block = floats_new((gsize)MAX(max, 1) * features);
    float *scaled[PREDICT_ROWS];
    for (int i = 0; i < max; i++)
        scaled[i] = block + (gsize)i * features;
    for (int first = 0; first < n; first += max) {
        int rows = MIN(max, n - first);
        ScaleJob job = {model->scaling, x + first, scaled};
        thread_pool_run(thread_pool, (guint)rows, scale_row, &job);
        network_predict(model->network, thread_pool, (const float *const *)scaled, rows,
                        out + (gsize)first * model->classes->len);
    }
    floats_free(block);
}

void model_predict(const Model *model, ThreadPool *thread_pool, const float *const *x, int n, float *out)
{
    predict_values(model, thread_pool, x, n, out);
    if (model->sigmoids)
        scores_rows(scores_logistic, out, (guint)n, model->classes->len, out);
}

/* The first of these names that is not among the others; NULL if there is none. */
static const char *first_missing(const GPtrArray *names, const GPtrArray *others)
{
    for (guint i = 0; i < names->len; i++)
        if (!g_ptr_array_find_with_equal_func((GPtrArray *)others, names->pdata[i], g_str_equal, NULL))
            return names->pdata[i];
    return NULL;
}

char *model_mismatch(const Model *model, const FeatureSpec *spec, const GPtrArray *classes)
{
    char *difference = feature_spec_difference(model->spec, spec);
    if (difference || !classes)
        return difference;
    const char *unknown = first_missing(classes, model->classes),
               *absent = first_missing(model->classes, classes);
    if (unknown)
        return g_strdup_printf("%s is not one of its %u classes%s", unknown, model->classes->len,
                               absent ? "" : "; --classes leaves such images out");
    if (absent)
        return g_strdup_printf("it knows the class %s, which the images or another model do not have",
                               absent);
    for (guint i = 0; i < classes->len; i++) {
        const char *own = model->classes->pdata[i], *other = classes->pdata[i];
        if (!g_str_equal(own, other))
            return g_strdup_printf("its class %u is %s, not %s", i, own, other);
    }
    return NULL;
}
