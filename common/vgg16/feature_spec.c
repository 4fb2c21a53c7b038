/* feature_spec: see feature_spec.h. */
#include "common/vgg16/feature_spec.h"

#include "common/arithmetic/conv.h"
#include "common/cli/choice.h"
#include "common/core/error.h"
#include "common/vgg16/base.h"
#include "common/vgg16/vgg16.h"

#include <string.h>

enum { FEATURE_SPEC_MAX_SIDE = 4096, HASH_DIGITS = 64 };

#define IMPORTED  "imported" /* in place of a layer's name */
#define PRECISION "float32"  /* of the base's products */

/* (H, W, C) of the layer for an image of this side; FALSE for an unknown layer, or if the image is too small. */
static gboolean layer_shape(const char *layer, int side, int shape[3])
{
    int cut = vgg16_find(layer);
    if (cut < 0 ? !g_str_equal(layer, "input") : vgg16_is_dense(cut) && side != VGG16_SIDE)
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
    FeatureSpec spec = {
        .preset = preset, .metadata = preset == PRESET_VIPS, .side = side, .layer = (char *)layer};
    spec.weights_hash = weights ? (char *)weights_hash(weights, vgg16_find(layer)) : "";
    spec.weights_source = weights ? weights->source : "";
    spec.normalization = normalize ? *normalize : normalization_rule(weights, preset);
    if (layer_shape(layer, side, spec.shape))
        return feature_spec_copy(&spec);
    g_autofree char *names = vgg16_names();
    return error_null(error, "no layer %s for images of %d pixels: choose one of input, %s", layer, side,
                      names);
}

static gboolean tiles_chosen(const Tiles *tiles)
{
    return tiles->m[0] != 0;
}

/* Whether a convolution up to this layer is done in such tiles. */
static gboolean tile_fits(const FeatureSpec *spec, int cut, int conv, int m)
{
    return m >= 0 && m <= CONV_LARGEST_TILE && base_tile(cut, spec->side, conv, m, CONV_LARGEST_TILE) == m;
}

gboolean feature_spec_go_on(FeatureSpec *spec, const Weights *weights, const char *layer, GError **error)
{
    int from = vgg16_find(spec->layer), to = vgg16_find(layer);
    gboolean follows = from >= 0 && to >= from && spec->pool == POOL_NONE;
    for (int i = from + 1; follows && i <= to; i++)
        follows = vgg16_layers[i].conv < 0 || vgg16_is_dense(i);
    for (int conv = 0; follows && conv < VGG16_CONVS && tiles_chosen(&spec->tiles); conv++)
        follows = tile_fits(spec, to, conv, spec->tiles.m[conv]);
    g_autofree char *output = feature_spec_output(spec);
    if (!follows)
        return error_set(error, "%s does not follow from %s: extract it from the images", layer, output);
    if (vgg16_is_dense(to)) {
        if (!g_str_equal(weights_hash(weights, from), spec->weights_hash))
            return error_set(
                error, "it was made with the base weights %s (%.12s…), not with those of %s (%.12s…)",
                spec->weights_source, spec->weights_hash, weights->source, weights_hash(weights, from));
        g_free(spec->weights_hash);
        g_free(spec->weights_source);
        spec->weights_hash = g_strdup(weights_hash(weights, to));
        spec->weights_source = g_strdup(weights->source);
    }
    g_free(spec->layer);
    spec->layer = g_strdup(layer);
    return layer_shape(layer, spec->side, spec->shape);
}

gboolean feature_spec_pool(FeatureSpec *spec, Pool pool, GError **error)
{
    g_autofree char *output = feature_spec_output(spec);
    if (pool == POOL_NONE)
        return TRUE;
    if (spec->pool != POOL_NONE || g_str_equal(spec->layer, "input") ||
        spec->shape[0] * spec->shape[1] == 1 || (pool == POOL_MAX && spec->shape[0] != spec->shape[1]))
        return error_set(error, "--pool %s needs square maps of a layer of the base; %s is %dx%dx%d",
                         choice_name(POOL_CHOICES, (int)pool), output, spec->shape[0], spec->shape[1],
                         spec->shape[2]);
    spec->pool = pool;
    spec->shape[0] = spec->shape[1] = 1;
    return TRUE;
}

FeatureSpec *feature_spec_unpooled(const FeatureSpec *spec)
{
    FeatureSpec *maps = feature_spec_copy(spec);
    maps->pool = POOL_NONE;
    if (!feature_spec_is_imported(spec))
        layer_shape(maps->layer, maps->side, maps->shape);
    return maps;
}

FeatureSpec *feature_spec_imported(const char *made_by, const int shape[3])
{
    FeatureSpec spec = {.weights_hash = "",
                        .weights_source = (char *)made_by,
                        .layer = IMPORTED,
                        .shape = {shape[0], shape[1], shape[2]}};
    return feature_spec_copy(&spec);
}

gboolean feature_spec_is_imported(const FeatureSpec *spec)
{
    return g_str_equal(spec->layer, IMPORTED);
}

Decoding feature_spec_decoding(const FeatureSpec *spec)
{
    return (Decoding){spec->preset, spec->fit, spec->metadata, spec->side};
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

void feature_spec_choose_tiles(FeatureSpec *spec, const Weights *weights, guint threads)
{
    int cut = vgg16_find(spec->layer);
    spec->tiles = (Tiles){0};
    if (cut < 0)
        return;
    gint64 start = g_get_monotonic_time();
    g_autoptr(ThreadPool) thread_pool = thread_pool_new(threads);
    spec->tiles = tiles_choose(weights, MIN(cut, VGG16_LAYERS - 1), spec->side, thread_pool);
    g_log("vggcache", G_LOG_LEVEL_DEBUG, "tiles of the base chosen in %.2f s, rounding %.1e",
          1e-6 * (double)(g_get_monotonic_time() - start), spec->tiles.error);
}

void feature_spec_tiles(const FeatureSpec *spec, int m[VGG16_CONVS])
{
    int cut = vgg16_find(spec->layer);
    for (int conv = 0; conv < VGG16_CONVS; conv++)
        m[conv] = tiles_chosen(&spec->tiles) ? spec->tiles.m[conv]
                  : cut < 0                  ? 0
                                             : base_tile(cut, spec->side, conv, 0, CONV_LARGEST_TILE);
}

gsize feature_spec_features(const FeatureSpec *spec)
{
    return (gsize)spec->shape[0] * spec->shape[1] * spec->shape[2];
}

char *feature_spec_output(const FeatureSpec *spec)
{
    return spec->pool
               ? g_strdup_printf("%s (pooled by %s)", spec->layer, choice_name(POOL_CHOICES, (int)spec->pool))
               : g_strdup(spec->layer);
}

json_t *feature_spec_to_json(const FeatureSpec *spec)
{
    json_t *tiles = tiles_chosen(&spec->tiles) ? json_array() : NULL;
    for (int conv = 0; tiles && conv < VGG16_CONVS && spec->tiles.m[conv]; conv++)
        json_array_append_new(tiles, json_integer(spec->tiles.m[conv]));
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:[i, i, i], s:s, s:s*, s:o*, s:s*, s:o*, s:o*}",
                     "weights_hash", spec->weights_hash, "weights_source", spec->weights_source, "preset",
                     preset_name(spec->preset), "normalization", normalization_name(spec->normalization),
                     "side", spec->side, "layer", spec->layer, "shape", spec->shape[0], spec->shape[1],
                     spec->shape[2], "precision", PRECISION, "fit",
                     spec->fit == FIT_STRETCH ? NULL : fit_name(spec->fit), "metadata",
                     spec->metadata ? json_true() : NULL, "pool",
                     spec->pool == POOL_NONE ? NULL : choice_name(POOL_CHOICES, (int)spec->pool), "tiles",
                     tiles, "rounding_error", tiles ? json_real(spec->tiles.error) : NULL);
}

/* The tiles of the shapes are equal to those of a specification from before tiles were chosen. */
void feature_spec_identify(const FeatureSpec *spec, GChecksum *sum)
{
    FeatureSpec by_shape = *spec;
    by_shape.tiles = (Tiles){0};
    g_autofree char *difference = feature_spec_rounding_difference(spec, &by_shape);
    json_auto_t *object = feature_spec_to_json(spec);
    json_object_del(object, "rounding_error");
    if (!difference)
        json_object_del(object, "tiles");
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    g_checksum_update(sum, (const guchar *)text, -1);
    free(text);
}

/* The shape follows from the layer and the side; otherwise the specification is invalid. */
static gboolean shape_holds(const FeatureSpec *spec)
{
    int shape[3];
    if (feature_spec_is_imported(spec))
        return spec->shape[0] >= 1 && spec->shape[1] >= 1 && spec->shape[2] >= 1 &&
               spec->shape[0] <= FEATURE_SPEC_MAX_IMPORTED / spec->shape[1] / spec->shape[2];
    if (!layer_shape(spec->layer, spec->side, shape))
        return FALSE;
    if (spec->pool != POOL_NONE)
        shape[0] = shape[1] = 1;
    return memcmp(shape, spec->shape, sizeof shape) == 0;
}

static gboolean hash_holds(const FeatureSpec *spec, const char *hash)
{
    if (feature_spec_is_imported(spec))
        return !*hash;
    return (strlen(hash) == HASH_DIGITS && strspn(hash, "0123456789abcdef") == HASH_DIGITS) ||
           (!*hash && g_str_equal(spec->layer, "input"));
}

/* Maps without a place left; there are none of pixels. */
static gboolean pool_holds(FeatureSpec *spec, const char *pool)
{
    int found = choice_find(POOL_CHOICES, pool);
    spec->pool = (Pool)MAX(found, 0);
    return found == POOL_NONE ||
           (found > 0 && !g_str_equal(spec->layer, "input") && spec->shape[0] == 1 && spec->shape[1] == 1);
}

/* torchvision crops by itself, and it and Keras ignore metadata. */
static gboolean fit_holds(FeatureSpec *spec, const char *fit)
{
    return fit_parse(fit, &spec->fit) && (spec->fit == FIT_STRETCH || spec->preset != PRESET_TORCHVISION) &&
           (!spec->metadata || spec->preset == PRESET_VIPS);
}

/* tiles, error: NULL if the JSON has none. A valid tile for each convolution up to the layer. */
static gboolean tiles_hold(FeatureSpec *spec, const json_t *tiles, const json_t *error)
{
    int cut = vgg16_find(spec->layer);
    if (!tiles && !error)
        return TRUE;
    if (cut < 0 || !json_is_array(tiles) || !json_is_number(error))
        return FALSE;
    for (int conv = 0; conv < VGG16_CONVS; conv++) {
        json_int_t m = json_integer_value(json_array_get(tiles, (gsize)conv));
        if (m != (int)m || !tile_fits(spec, cut, conv, (int)m))
            return FALSE;
        spec->tiles.m[conv] = (int)m;
    }
    spec->tiles.error = json_number_value(error);
    return spec->tiles.error >= 0;
}

FeatureSpec *feature_spec_from_json(const json_t *object, GError **error)
{
    const char *hash, *source, *preset, *normalization, *layer, *precision = PRECISION;
    const char *fit = fit_name(FIT_STRETCH), *pool = choice_name(POOL_CHOICES, POOL_NONE);
    const json_t *tiles = json_object_get(object, "tiles"),
                 *rounding = json_object_get(object, "rounding_error");
    json_error_t problem;
    FeatureSpec spec = {0};
    int *shape = spec.shape;
    if (json_unpack_ex((json_t *)object, &problem, 0,
                       "{s:s, s:s, s:s, s:s, s:i, s:s, s:[i, i, i!], s?:s, s?:s, s?:b, s?:s}", "weights_hash",
                       &hash, "weights_source", &source, "preset", &preset, "normalization", &normalization,
                       "side", &spec.side, "layer", &layer, "shape", &shape[0], &shape[1], &shape[2],
                       "precision", &precision, "fit", &fit, "metadata", &spec.metadata, "pool", &pool))
        return error_null(error, "the feature specification is invalid: %s", problem.text);
    if (strcmp(precision, PRECISION) != 0)
        return error_null(
            error, "the features were computed in %s, and this version computes them in " PRECISION " only",
            precision);
    spec.layer = (char *)layer;
    int least = feature_spec_is_imported(&spec) ? 0 : 1, most = least * FEATURE_SPEC_MAX_SIDE; /* of sides */
    const char *wrong = !preset_parse(preset, &spec.preset)                        ? "preset"
                        : !normalization_parse(normalization, &spec.normalization) ? "normalization"
                        : !fit_holds(&spec, fit)                                   ? "fit or metadata"
                        : spec.side < least || spec.side > most                    ? "side"
                        : !pool_holds(&spec, pool)                                 ? "pool"
                        : !shape_holds(&spec)                                      ? "layer or shape"
                        : !hash_holds(&spec, hash)                                 ? "weights_hash"
                        : !tiles_hold(&spec, tiles, rounding)                      ? "tiles"
                                                                                   : NULL;
    if (wrong)
        return error_null(error, "the feature specification's %s is unknown to this program", wrong);
    spec.weights_hash = (char *)hash;
    spec.weights_source = (char *)source;
    return feature_spec_copy(&spec);
}

static char *pool_difference(const FeatureSpec *its, const FeatureSpec *wanted)
{
    if (its->pool == wanted->pool)
        return NULL;
    return g_strdup_printf("its pooling is %s, not %s", choice_name(POOL_CHOICES, (int)its->pool),
                           choice_name(POOL_CHOICES, (int)wanted->pool));
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
    gsize has = feature_spec_features(its), asked = feature_spec_features(wanted);
    if (its->pool != wanted->pool)
        return pool_difference(its, wanted);
    if (has != asked)
        return g_strdup_printf("its vectors have %" G_GSIZE_FORMAT " features, not %" G_GSIZE_FORMAT, has,
                               asked);
    return NULL;
}

char *feature_spec_rounding_difference(const FeatureSpec *its, const FeatureSpec *wanted)
{
    int its_m[VGG16_CONVS], wanted_m[VGG16_CONVS];
    feature_spec_tiles(its, its_m);
    feature_spec_tiles(wanted, wanted_m);
    for (int layer = 0; layer < VGG16_LAYERS; layer++) {
        int conv = vgg16_layers[layer].conv;
        if (conv >= 0 && its_m[conv] && wanted_m[conv] && its_m[conv] != wanted_m[conv])
            return g_strdup_printf("its %s is computed by %s, not by %s, and rounded otherwise",
                                   vgg16_layers[layer].name, conv_tile_name(its_m[conv]),
                                   conv_tile_name(wanted_m[conv]));
    }
    return NULL;
}

char *feature_spec_difference(const FeatureSpec *its, const FeatureSpec *wanted)
{
    if (feature_spec_is_imported(its) || feature_spec_is_imported(wanted))
        return imported_difference(its, wanted);
    gboolean same_layer = g_str_equal(its->layer, wanted->layer);
    gboolean of_base = !vgg16_is_dense(vgg16_find(its->layer)) && !vgg16_is_dense(vgg16_find(wanted->layer));
    /* Where one has no weights, or more of them, the layers differ. */
    if ((same_layer || of_base) && *its->weights_hash && *wanted->weights_hash &&
        !g_str_equal(its->weights_hash, wanted->weights_hash))
        return g_strdup_printf("its weights are %s (%.12s…), not %s (%.12s…)", its->weights_source,
                               its->weights_hash, wanted->weights_source, wanted->weights_hash);
    if (its->preset != wanted->preset)
        return g_strdup_printf("its preset is %s, not %s", preset_name(its->preset),
                               preset_name(wanted->preset));
    if (its->fit != wanted->fit)
        return g_strdup_printf("its images are fitted by %s, not %s", fit_name(its->fit),
                               fit_name(wanted->fit));
    if (its->metadata != wanted->metadata)
        return g_strdup_printf("EXIF's orientation and colour profiles %s in it",
                               its->metadata ? "are heeded" : "are ignored, as before they could be heeded,");
    if (its->normalization != wanted->normalization)
        return g_strdup_printf("its normalisation is %s, not %s", normalization_name(its->normalization),
                               normalization_name(wanted->normalization));
    if (its->side != wanted->side)
        return g_strdup_printf("its images are %d pixels wide, not %d", its->side, wanted->side);
    if (!same_layer)
        return g_strdup_printf("its layer is %s, not %s", its->layer, wanted->layer);
    char *pool = pool_difference(its, wanted);
    return pool ? pool : feature_spec_rounding_difference(its, wanted);
}
