/* feature_spec: how a feature vector is computed from an image file. A cache has one, and a model records that of its
 * training data; they are compared whenever a model is used on a cache. */
#pragma once
#include "common/image/image.h"
#include "common/vgg16/tiles.h"
#include <jansson.h>

typedef struct {
    char *weights_hash;   /* weights_hash, or "" without a base (layer "input") */
    char *weights_source; /* Weights.source: for information; compared only for imported features */
    Preset preset;
    Fit fit;
    gboolean metadata; /* heeded (image.h): with preset vips, except in caches of before this was possible */
    Normalization normalization;
    int side;    /* of the square input image, pixels */
    char *layer; /* Keras layer whose output is the vector, or "input" */
    Pool pool;   /* over the places of that output */
    int shape
        [3]; /* H, W, C of what is left, 1, 1, C if pooled; the vector is its flattening (y*W + x)*C + c, D = H*W*C */
    /* Of the base's convolutions; zeros: those of the shapes (base_tile), as before tiles were chosen by weights, and
     * without a base */
    Tiles tiles;
} FeatureSpec;

/* Features of another program have the layer "imported", no weights, side 0, any shape (1x1xD), and their origin in
 * weights_source, which is compared. They cannot be computed from images here. */
enum { FEATURE_SPEC_MAX_IMPORTED = 1 << 24 }; /* D */
FeatureSpec *feature_spec_imported(const char *made_by, const int shape[3]);
gboolean feature_spec_is_imported(const FeatureSpec *spec);

/* The specification for these options of extract and train. weights: NULL if layer is "input". normalize NULL: caffe
 * for preset keras, torch for torchvision, as these define all steps from file to tensor; for vips, the normalisation
 * that the weights were trained with (caffe without weights). side: 1 … 4096; the fit is stretch until
 * it is set. NULL and error if the layer is unknown or the image too small for it. */
FeatureSpec *feature_spec_new(const Weights *weights, Preset preset, const Normalization *normalize, int side,
                              const char *layer, GError **error);

/* Goes on from the layer's output to that of a later one, if no convolution lies between, as its rounding would not be
 * known, and the tiles are some that it has by itself: a pool that its convolution does at once has even ones only.
 * weights: for fc1 and fc2, with the base that the features were made with; else NULL. FALSE and error if that does not
 * hold. */
gboolean feature_spec_go_on(FeatureSpec *spec, const Weights *weights, const char *layer, GError **error);

/* Pools the output of a layer of the base, or imported maps, from which the vectors were not pooled before. FALSE and error
 * if it has no places. */
gboolean feature_spec_pool(FeatureSpec *spec, Pool pool, GError **error);

/* Of the maps before pooling, which are not known of imported features. */
FeatureSpec *feature_spec_unpooled(const FeatureSpec *spec);

/* Sets the tiles for these weights by measuring (tiles_choose) with this many threads; prints the time taken as a debug
 * message. For existing features, such as a cache's, use their tiles instead. weights: NULL without a base. */
void feature_spec_choose_tiles(FeatureSpec *spec, const Weights *weights, guint threads);

/* m of F(m x m) of each convolution of the base; 0 after the layer, and without a base. */
void feature_spec_tiles(const FeatureSpec *spec, int m[VGG16_CONVS]);

Decoding feature_spec_decoding(const FeatureSpec *spec);

FeatureSpec *feature_spec_copy(const FeatureSpec *spec);
void feature_spec_free(FeatureSpec *spec);
gsize feature_spec_features(const FeatureSpec *spec); /* D */

/* "block5_pool", or "block5_pool (pooled by avg)". Caller frees. */
char *feature_spec_output(const FeatureSpec *spec);

json_t *feature_spec_to_json(const FeatureSpec *spec); /* new reference */
/* Checks every field. Files of versions without a choice of tiles lack this entry: the tiles of the shapes. Those of
 * versions with a choice of precision are refused unless it was float32, which is still written. */
FeatureSpec *feature_spec_from_json(const json_t *object, GError **error);

/* NULL if both give the same vectors; else the first difference as a clause, such as
 * "its preset is keras, not vips". Caller frees. */
char *feature_spec_difference(const FeatureSpec *its, const FeatureSpec *wanted);

/* The same, comparing only the tiles of the convolutions that both have. */
char *feature_spec_rounding_difference(const FeatureSpec *its, const FeatureSpec *wanted);

/* Adds all that the vectors depend on to a checksum. */
void feature_spec_identify(const FeatureSpec *spec, GChecksum *sum);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeatureSpec, feature_spec_free)
