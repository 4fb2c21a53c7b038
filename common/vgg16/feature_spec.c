#include "common/vgg16/feature_spec.h"

#include "common/core/error.h"
#include "common/vgg16/vgg16.h"

#include <string.h>

enum { FEATURE_SPEC_MAX_SIDE = 4096, HASH_DIGITS = 64 };

#define IMPORTED "imported" /* in the place of a layer's name */

/* (H, W, C) of the layer for an image of this side; FALSE for an unknown layer, or where nothing is left of
 * the image. */
static gboolean layer_shape(const char *layer, int side, int shape[3])
{
    int cut = vgg16_find(layer);
    if (cut < 0 && !g_str_equal(layer, "input"))
        return FALSE;
    shape[0] = shape[1] = side;
    shape[2] = 3;
    if (cut >= 0)
        vgg16_shape(cut, side, shape);
    return shape[0] >= 1;
}

static Normalization normalization_rule(const Weights *weights, Preset preset)
{
    if (preset == PRESET_KERAS)
        return NORMALIZE_CAFFE;
    if (preset == PRESET_TORCHVISION)
        return NORMALIZE_TORCH;
    return weights ? weights->normalization : NORMALIZE_CAFFE;
}

FeatureSpec *feature_spec_new(const Weights *weights, Preset preset, const Normalization *normalize, int side,
                              const char *layer, GError **error)
{
    FeatureSpec spec = {.preset = preset, .side = side, .layer = (char *)layer};
    spec.weights_hash = weights ? (char *)weights->hash : "";
    spec.weights_source = weights ? weights->source : "";
    spec.normalization = normalize ? *normalize : normalization_rule(weights, preset);
    if (layer_shape(layer, side, spec.shape))
        return feature_spec_copy(&spec);
    g_autofree char *names = vgg16_names();
    g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                "no layer %s for images of %d pixels: choose one of input, %s", layer, side, names);
    return NULL;
}

FeatureSpec *feature_spec_imported(const char *made_by, gsize features)
{
    FeatureSpec spec = {.weights_hash = "",
                        .weights_source = (char *)made_by,
                        .layer = IMPORTED,
                        .shape = {1, 1, (int)features}};
    return feature_spec_copy(&spec);
}

gboolean feature_spec_is_imported(const FeatureSpec *spec)
{
    return g_str_equal(spec->layer, IMPORTED);
}

FeatureSpec *feature_spec_copy(const FeatureSpec *spec)
{
    FeatureSpec *copy = g_memdup2(spec, sizeof *spec);
    copy->weights_hash = g_strdup(spec->weights_hash);
    copy->weights_source = g_strdup(spec->weights_source);
    copy->layer = g_strdup(spec->layer);
    return copy;
}

void feature_spec_free(FeatureSpec *spec)
{
    if (!spec)
        return;
    g_free(spec->weights_hash);
    g_free(spec->weights_source);
    g_free(spec->layer);
    g_free(spec);
}

gsize feature_spec_features(const FeatureSpec *spec)
{
    return (gsize)spec->shape[0] * spec->shape[1] * spec->shape[2];
}

json_t *feature_spec_to_json(const FeatureSpec *spec)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:[i, i, i], s:s}", "weights_hash", spec->weights_hash,
                     "weights_source", spec->weights_source, "preset", preset_name(spec->preset),
                     "normalization", normalization_name(spec->normalization), "side", spec->side, "layer",
                     spec->layer, "shape", spec->shape[0], spec->shape[1], spec->shape[2], "precision",
                     precision_name(spec->precision));
}

static gboolean is_hash(const char *text)
{
    return strlen(text) == HASH_DIGITS && strspn(text, "0123456789abcdef") == HASH_DIGITS;
}

static gboolean side_holds(const FeatureSpec *spec)
{
    return feature_spec_is_imported(spec) ? spec->side == 0
                                          : spec->side >= 1 && spec->side <= FEATURE_SPEC_MAX_SIDE;
}

/* The shape follows from the layer and the side; a recipe that says otherwise is not one of ours. */
static gboolean shape_holds(const FeatureSpec *spec)
{
    int shape[3];
    if (feature_spec_is_imported(spec))
        return spec->shape[0] == 1 && spec->shape[1] == 1 && spec->shape[2] >= 1 &&
               spec->shape[2] <= FEATURE_SPEC_MAX_IMPORTED;
    return layer_shape(spec->layer, spec->side, shape) && memcmp(shape, spec->shape, sizeof shape) == 0;
}

static gboolean hash_holds(const FeatureSpec *spec, const char *hash)
{
    if (feature_spec_is_imported(spec))
        return !*hash;
    return is_hash(hash) || (!*hash && g_str_equal(spec->layer, "input"));
}

/* Without weights there are no products. */
static gboolean precision_holds(FeatureSpec *spec, const char *hash, const char *precision)
{
    return precision_parse(precision, &spec->precision) && (*hash || spec->precision == PRECISION_FLOAT32);
}

FeatureSpec *feature_spec_from_json(const json_t *object, GError **error)
{
    const char *hash, *source, *preset, *normalization, *layer,
        *precision = precision_name(PRECISION_FLOAT32);
    json_error_t problem;
    FeatureSpec spec = {0};
    int *shape = spec.shape;
    if (json_unpack_ex((json_t *)object, &problem, 0, "{s:s, s:s, s:s, s:s, s:i, s:s, s:[i, i, i!], s?:s}",
                       "weights_hash", &hash, "weights_source", &source, "preset", &preset, "normalization",
                       &normalization, "side", &spec.side, "layer", &layer, "shape", &shape[0], &shape[1],
                       &shape[2], "precision", &precision)) {
        g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED, "the recipe is not one: %s", problem.text);
        return NULL;
    }
    spec.layer = (char *)layer;
    const char *wrong = !preset_parse(preset, &spec.preset)                        ? "preset"
                        : !normalization_parse(normalization, &spec.normalization) ? "normalization"
                        : !side_holds(&spec)                                       ? "side"
                        : !shape_holds(&spec)                                      ? "layer or shape"
                        : !hash_holds(&spec, hash)                                 ? "weights_hash"
                        : !precision_holds(&spec, hash, precision)                 ? "precision"
                                                                                   : NULL;
    if (wrong) {
        g_set_error(error, VGGCACHE_ERROR, VGGCACHE_ERROR_FAILED,
                    "the recipe's %s is not one this program knows", wrong);
        return NULL;
    }
    spec.weights_hash = (char *)hash;
    spec.weights_source = (char *)source;
    return feature_spec_copy(&spec);
}

static char *imported_difference(const FeatureSpec *its, const FeatureSpec *wanted)
{
    if (!feature_spec_is_imported(wanted))
        return g_strdup_printf("its features were imported (made by %s), not extracted", its->weights_source);
    if (!feature_spec_is_imported(its))
        return g_strdup_printf("its features were extracted, not imported (made by %s)",
                               wanted->weights_source);
    if (!g_str_equal(its->weights_source, wanted->weights_source))
        return g_strdup_printf("its features were made by %s, not by %s", its->weights_source,
                               wanted->weights_source);
    if (its->shape[2] != wanted->shape[2])
        return g_strdup_printf("its vectors have %d features, not %d", its->shape[2], wanted->shape[2]);
    return NULL;
}

char *feature_spec_difference(const FeatureSpec *its, const FeatureSpec *wanted)
{
    if (feature_spec_is_imported(its) || feature_spec_is_imported(wanted))
        return imported_difference(its, wanted);
    if (!g_str_equal(its->weights_hash, wanted->weights_hash))
        return g_strdup_printf("its weights are %s (%.12s…), not %s (%.12s…)", its->weights_source,
                               its->weights_hash, wanted->weights_source, wanted->weights_hash);
    if (its->preset != wanted->preset)
        return g_strdup_printf("its preset is %s, not %s", preset_name(its->preset),
                               preset_name(wanted->preset));
    if (its->normalization != wanted->normalization)
        return g_strdup_printf("its normalisation is %s, not %s", normalization_name(its->normalization),
                               normalization_name(wanted->normalization));
    if (its->side != wanted->side)
        return g_strdup_printf("its images are %d pixels wide, not %d", its->side, wanted->side);
    if (!g_str_equal(its->layer, wanted->layer))
        return g_strdup_printf("its layer is %s, not %s", its->layer, wanted->layer);
    if (its->precision != wanted->precision)
        return g_strdup_printf("its precision is %s, not %s", precision_name(its->precision),
                               precision_name(wanted->precision));
    return NULL;
}
