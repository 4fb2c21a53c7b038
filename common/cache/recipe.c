#include "common/cache/recipe.h"

#include "common/base/vgg16.h"
#include "common/cache/cache_error.h"

#include <string.h>

enum { RECIPE_MAX_SIDE = 4096, HASH_DIGITS = 64 };

/* (H, W, C) of the layer for an image of this side; FALSE for an unknown layer, or where nothing is left of
 * the image. */
static gboolean layer_shape(const char *layer, int side, int shape[3])
{
    int cut = vgg16_find(layer);
    if (cut < 0 && !g_str_equal(layer, "input"))
        return FALSE;
    shape[0] = shape[1] = cut < 0 ? side : side / vgg16_layers[cut].shrink;
    shape[2] = cut < 0 ? 3 : vgg16_layers[cut].outputs;
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

Recipe *recipe_new(const Weights *weights, Preset preset, const Normalization *normalize, int side,
                   const char *layer, GError **error)
{
    Recipe recipe = {.preset = preset, .side = side, .layer = (char *)layer};
    recipe.weights_hash = weights ? (char *)weights->hash : "";
    recipe.weights_source = weights ? weights->source : "";
    recipe.normalization = normalize ? *normalize : normalization_rule(weights, preset);
    if (layer_shape(layer, side, recipe.shape))
        return recipe_copy(&recipe);
    g_autofree char *names = vgg16_names();
    g_set_error(error, CACHE_ERROR, CACHE_ERROR_MISMATCH,
                "no layer %s for images of %d pixels: choose one of input, %s", layer, side, names);
    return NULL;
}

Recipe *recipe_copy(const Recipe *recipe)
{
    Recipe *copy = g_memdup2(recipe, sizeof *recipe);
    copy->weights_hash = g_strdup(recipe->weights_hash);
    copy->weights_source = g_strdup(recipe->weights_source);
    copy->layer = g_strdup(recipe->layer);
    return copy;
}

void recipe_free(Recipe *recipe)
{
    if (!recipe)
        return;
    g_free(recipe->weights_hash);
    g_free(recipe->weights_source);
    g_free(recipe->layer);
    g_free(recipe);
}

gsize recipe_features(const Recipe *recipe)
{
    return (gsize)recipe->shape[0] * recipe->shape[1] * recipe->shape[2];
}

json_t *recipe_to_json(const Recipe *recipe)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:[i, i, i]}", "weights_hash", recipe->weights_hash,
                     "weights_source", recipe->weights_source, "preset", preset_name(recipe->preset),
                     "normalization", normalization_name(recipe->normalization), "side", recipe->side,
                     "layer", recipe->layer, "shape", recipe->shape[0], recipe->shape[1], recipe->shape[2]);
}

static gboolean is_hash(const char *text)
{
    return strlen(text) == HASH_DIGITS && strspn(text, "0123456789abcdef") == HASH_DIGITS;
}

/* The shape follows from the layer and the side; a recipe that says otherwise is not one of ours. */
static gboolean shape_holds(const Recipe *recipe)
{
    int shape[3];
    return layer_shape(recipe->layer, recipe->side, shape) && memcmp(shape, recipe->shape, sizeof shape) == 0;
}

Recipe *recipe_from_json(const json_t *object, GError **error)
{
    const char *hash, *source, *preset, *normalization, *layer;
    json_error_t problem;
    Recipe recipe = {0};
    int *shape = recipe.shape;
    if (json_unpack_ex((json_t *)object, &problem, 0, "{s:s, s:s, s:s, s:s, s:i, s:s, s:[i, i, i!]}",
                       "weights_hash", &hash, "weights_source", &source, "preset", &preset, "normalization",
                       &normalization, "side", &recipe.side, "layer", &layer, "shape", &shape[0], &shape[1],
                       &shape[2])) {
        g_set_error(error, CACHE_ERROR, CACHE_ERROR_DAMAGED, "the recipe is not one: %s", problem.text);
        return NULL;
    }
    recipe.layer = (char *)layer;
    const char *wrong = !preset_parse(preset, &recipe.preset)                        ? "preset"
                        : !normalization_parse(normalization, &recipe.normalization) ? "normalization"
                        : recipe.side < 1 || recipe.side > RECIPE_MAX_SIDE           ? "side"
                        : !shape_holds(&recipe)                                      ? "layer or shape"
                        : !(g_str_equal(layer, "input") ? !*hash || is_hash(hash) : is_hash(hash))
                            ? "weights_hash"
                            : NULL;
    if (wrong) {
        g_set_error(error, CACHE_ERROR, CACHE_ERROR_DAMAGED, "the recipe's %s is not one this program knows",
                    wrong);
        return NULL;
    }
    recipe.weights_hash = (char *)hash;
    recipe.weights_source = (char *)source;
    return recipe_copy(&recipe);
}

char *recipe_difference(const Recipe *its, const Recipe *wanted)
{
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
    return NULL;
}
