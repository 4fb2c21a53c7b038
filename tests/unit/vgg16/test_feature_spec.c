/* Feature specifications: what is written is read back, differences are named, invalid JSON is refused. */
#include "common/vgg16/feature_spec.h"
#include "common/vgg16/vgg16.h"
#include <string.h>

static const char hash_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hash_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static FeatureSpec *specification(void)
{
    FeatureSpec spec = {.weights_hash = (char *)hash_a, .weights_source = "vgg16.h5", .preset = PRESET_KERAS};
    spec.normalization = NORMALIZE_CAFFE;
    spec.side = 224;
    spec.layer = "block5_pool";
    spec.shape[0] = spec.shape[1] = 7;
    spec.shape[2] = 512;
    return feature_spec_copy(&spec);
}

static void survives_json(void)
{
    g_autoptr(FeatureSpec) spec = specification();
    g_autoptr(GError) error = NULL;
    json_t *object = feature_spec_to_json(spec);
    g_autoptr(FeatureSpec) again = feature_spec_from_json(object, &error);
    json_decref(object);
    g_assert_no_error(error);
    g_autofree char *difference = feature_spec_difference(again, spec);
    g_assert_null(difference);
    g_assert_cmpstr(again->weights_source, ==, "vgg16.h5");
    g_assert_cmpuint(feature_spec_features(again), ==, 25088);
}

static void names_the_first_difference(void)
{
    g_autoptr(FeatureSpec) its = specification();
    g_autoptr(FeatureSpec) wanted = specification();
    g_autofree char *none = feature_spec_difference(its, wanted);
    g_assert_null(none);

    g_assert_true(feature_spec_pool(wanted, POOL_AVG, NULL));
    g_autofree char *pool = feature_spec_difference(its, wanted);
    g_assert_cmpstr(pool, ==, "its pooling is none, not avg");
    wanted->layer = (g_free(wanted->layer), g_strdup("block5_conv3"));
    g_autofree char *layer = feature_spec_difference(its, wanted);
    g_assert_cmpstr(layer, ==, "its layer is block5_pool, not block5_conv3");
    wanted->side = 160;
    g_autofree char *side = feature_spec_difference(its, wanted);
    g_assert_cmpstr(side, ==, "its images are 224 pixels wide, not 160");
    wanted->normalization = NORMALIZE_TORCH;
    g_autofree char *normalization = feature_spec_difference(its, wanted);
    g_assert_cmpstr(normalization, ==, "its normalisation is caffe, not torch");
    wanted->metadata = TRUE;
    g_autofree char *metadata = feature_spec_difference(its, wanted);
    g_assert_cmpstr(
        metadata, ==,
        "EXIF's orientation and colour profiles are ignored, as before they could be heeded, in it");
    wanted->fit = FIT_PAD;
    g_autofree char *fit = feature_spec_difference(its, wanted);
    g_assert_cmpstr(fit, ==, "its images are fitted by stretch, not pad");
    wanted->preset = PRESET_VIPS;
    g_autofree char *preset = feature_spec_difference(its, wanted);
    g_assert_cmpstr(preset, ==, "its preset is keras, not vips");
    wanted->weights_hash = (g_free(wanted->weights_hash), g_strdup(hash_b));
    g_autofree char *weights = feature_spec_difference(its, wanted);
    g_assert_nonnull(strstr(weights, "aaaaaaaaaaaa"));
    g_assert_nonnull(strstr(weights, "bbbbbbbbbbbb"));
}

static char *identity(const FeatureSpec *spec)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    feature_spec_identify(spec, sum);
    return g_strdup(g_checksum_get_string(sum));
}

static void no_tiles_are_those_of_the_shapes(void)
{
    g_autoptr(FeatureSpec) old = specification(), new = specification(), smaller = specification();
    feature_spec_tiles(old, new->tiles.m);
    memcpy(&smaller->tiles, &new->tiles, sizeof new->tiles);
    new->tiles.error = smaller->tiles.error = 1e-5;
    smaller->tiles.m[12] = 4;
    g_autofree char *none = feature_spec_difference(old, new), *other = feature_spec_difference(old, smaller);
    g_assert_null(none);
    g_assert_cmpstr(other, ==,
                    "its block5_conv3 is computed by F(7x7), not by F(4x4), and rounded otherwise");
    g_autofree char *of_old = identity(old), *of_new = identity(new), *of_smaller = identity(smaller);
    g_assert_cmpstr(of_old, ==, of_new);
    g_assert_cmpstr(of_old, !=, of_smaller);

    json_t *object = feature_spec_to_json(smaller);
    g_autoptr(FeatureSpec) again = feature_spec_from_json(object, NULL);
    json_decref(object);
    g_assert_cmpmem(&again->tiles, sizeof again->tiles, &smaller->tiles, sizeof smaller->tiles);
}

static void same_weights_by_another_name_are_the_same(void)
{
    g_autoptr(FeatureSpec) its = specification();
    g_autoptr(FeatureSpec) wanted = specification();
    wanted->weights_source = (g_free(wanted->weights_source), g_strdup("copy.safetensors"));
    g_autofree char *difference = feature_spec_difference(its, wanted);
    g_assert_null(difference);
}

static void refused(const char *text)
{
    g_autoptr(GError) error = NULL;
    json_t *object = json_loads(text, 0, NULL);
    g_assert_nonnull(object);
    g_autoptr(FeatureSpec) spec = feature_spec_from_json(object, &error);
    json_decref(object);
    g_assert_null(spec);
    g_assert_nonnull(error);
}

#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TEXT(hash, preset, normalization, side, layer, shape)                                                \
    "{\"weights_hash\":\"" hash "\",\"weights_source\":\"x\",\"preset\":\"" preset                           \
    "\",\"normalization\":\"" normalization "\",\"side\":" side ",\"layer\":\"" layer "\",\"shape\":" shape  \
    "}"

#define ROUNDED(tiles) ",\"tiles\":" tiles ",\"rounding_error\":1e-5"

static void refuses_invalid_json(void)
{
    g_autoptr(GError) error = NULL;
    json_t *object = json_loads(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512]"), 0, NULL);
    g_autoptr(FeatureSpec) fine = feature_spec_from_json(object, &error);
    json_decref(object);
    g_assert_no_error(error);
    g_assert_nonnull(fine);

    refused("[]");
    refused("{}");
    refused(TEXT(HASH, "keras", "caffe", "224", "block5_pool", "[7,7,512],\"metadata\":true"));
    refused(TEXT(HASH, "torchvision", "torch", "224", "block5_pool", "[7,7,512],\"fit\":\"crop\""));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512],\"fit\":\"squeeze\""));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512],\"pool\":\"avg\""));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[1,1,512],\"pool\":\"mean\""));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[1,1,512],\"pool\":\"none\""));
    refused(TEXT("", "vips", "caffe", "224", "input", "[1,1,3],\"pool\":\"avg\""));
    refused(TEXT("abc", "vips", "caffe", "224", "block5_pool", "[7,7,512]"));
    refused(TEXT("", "vips", "caffe", "224", "block5_pool", "[7,7,512]"));
    refused(TEXT(HASH, "best", "caffe", "224", "block5_pool", "[7,7,512]"));
    refused(TEXT(HASH, "vips", "none", "224", "block5_pool", "[7,7,512]"));
    refused(TEXT(HASH, "vips", "caffe", "0", "block5_pool", "[0,0,512]"));
    refused(TEXT(HASH, "vips", "caffe", "-224", "block5_pool", "[-7,-7,512]"));
    refused(TEXT(HASH, "vips", "caffe", "224", "fc1", "[7,7,512]"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,513]"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7]"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512,1]"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512],\"precision\":\"float16\""));
    refused(TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512],\"precision\":32"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block1_conv1", "[224,224,64],\"tiles\":[1]"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block1_conv1", "[224,224,64],\"rounding_error\":1e-5"));
    refused(TEXT(HASH, "vips", "caffe", "224", "block1_conv1", "[224,224,64]" ROUNDED("[2]")));
    refused(TEXT(HASH, "vips", "caffe", "224", "block1_conv1", "[224,224,64]" ROUNDED("[1,4]")));
    refused(TEXT(HASH, "vips", "caffe", "224", "block1_pool", "[112,112,64]" ROUNDED("[1,7]")));
    refused(TEXT(HASH, "vips", "caffe", "224", "block1_pool", "[112,112,64]" ROUNDED("[1,-4]")));
    refused(TEXT("", "vips", "caffe", "224", "input", "[224,224,3]" ROUNDED("[]")));
    refused(TEXT(HASH, "vips", "caffe", "\"224\"", "block5_pool", "[7,7,512]"));
}

static void pooled_features_are_of_one_place(void)
{
    g_autoptr(FeatureSpec) spec = specification();
    g_autoptr(GError) error = NULL;
    g_assert_true(feature_spec_pool(spec, POOL_NONE, NULL) && feature_spec_pool(spec, POOL_MAX, NULL));
    g_assert_cmpuint(feature_spec_features(spec), ==, 512);
    json_auto_t *object = feature_spec_to_json(spec);
    g_autoptr(FeatureSpec) again = feature_spec_from_json(object, &error);
    g_assert_no_error(error);
    g_autofree char *difference = feature_spec_difference(again, spec), *output = feature_spec_output(again);
    g_assert_null(difference);
    g_assert_cmpstr(output, ==, "block5_pool (pooled by max)");
    g_autoptr(FeatureSpec) maps = feature_spec_unpooled(again);
    g_assert_cmpuint(feature_spec_features(maps), ==, 25088);
    g_assert_false(feature_spec_pool(again, POOL_AVG, NULL));
    g_assert_false(feature_spec_go_on(again, NULL, "block5_pool", NULL));
    g_assert_true(feature_spec_go_on(maps, NULL, "block5_pool", NULL));
    g_assert_false(feature_spec_go_on(maps, NULL, "block5_conv3", NULL));
    maps->layer = (g_free(maps->layer), g_strdup("block5_conv3"));
    g_assert_true(feature_spec_go_on(maps, NULL, "block5_pool", NULL));
    maps->layer = (g_free(maps->layer), g_strdup("block5_conv2"));
    g_assert_false(feature_spec_go_on(maps, NULL, "block5_pool", NULL));
}

static void refuses_bfloat16_of_an_earlier_version(void)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *object = json_loads(
        TEXT(HASH, "vips", "caffe", "224", "block5_pool", "[7,7,512],\"precision\":\"bfloat16\""), 0, NULL);
    g_assert_null(feature_spec_from_json(object, &error));
    g_assert_cmpstr(error->message, ==,
                    "the features were computed in bfloat16, and this version computes them in float32 only");
}

static void every_layer_has_its_shape(void)
{
    for (int i = 0; i < VGG16_LAYERS; i++) {
        g_autoptr(FeatureSpec) spec = specification();
        g_autoptr(GError) error = NULL;
        spec->layer = (g_free(spec->layer), g_strdup(vgg16_layers[i].name));
        spec->shape[0] = spec->shape[1] = 224 / vgg16_layers[i].shrink;
        spec->shape[2] = vgg16_layers[i].outputs;
        json_t *object = feature_spec_to_json(spec);
        g_autoptr(FeatureSpec) again = feature_spec_from_json(object, &error);
        json_decref(object);
        g_assert_no_error(error);
        g_assert_nonnull(again);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/feature_spec/survives JSON", survives_json);
    g_test_add_func("/feature_spec/names the first difference", names_the_first_difference);
    g_test_add_func("/feature_spec/no tiles are those of the shapes", no_tiles_are_those_of_the_shapes);
    g_test_add_func("/feature_spec/same weights by another name are the same",
                    same_weights_by_another_name_are_the_same);
    g_test_add_func("/feature_spec/refuses invalid JSON", refuses_invalid_json);
    g_test_add_func("/feature_spec/pooled features are of one place", pooled_features_are_of_one_place);
    g_test_add_func("/feature_spec/refuses bfloat16 of an earlier version",
                    refuses_bfloat16_of_an_earlier_version);
    g_test_add_func("/feature_spec/every layer has its shape", every_layer_has_its_shape);
    return g_test_run();
}
