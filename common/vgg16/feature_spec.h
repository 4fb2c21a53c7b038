/* feature_spec: how an image file became a vector. A cache has one, a model records the one it was trained on, and the
 * two are compared wherever they meet. */
#pragma once
#include "common/arithmetic/precision.h"
#include "common/image/image.h"
#include "common/vgg16/tiles.h"
#include <jansson.h>

typedef struct {
    char *weights_hash;   /* Weights.hash, or "" where no base runs (layer "input") */
    char *weights_source; /* Weights.source: for people, not compared unless imported */
    Preset preset;
    Normalization normalization;
    int side;            /* of the square input image, pixels */
    char *layer;         /* Keras layer whose output is the vector, or "input" */
    int shape[3];        /* H, W, C of that output; the vector is its flattening (y*W + x)*C + c, D = H*W*C */
    Precision precision; /* of the base's products; float32 where no base runs */
    Tiles
        tiles; /* of the base's convolutions; zeros: those that the shapes have by themselves (base_tile), as before
                    tiles were chosen by weights, with bfloat16, and where no base runs */
} FeatureSpec;

/* Features that another program made have the layer "imported", no weights, side 0, shape 1x1xD, and in weights_source,
 * which is then compared, what made them. No image becomes such a vector here. */
enum { FEATURE_SPEC_MAX_IMPORTED = 1 << 24 }; /* D */
FeatureSpec *feature_spec_imported(const char *made_by, gsize features);
gboolean feature_spec_is_imported(const FeatureSpec *spec);

/* The specification for these options, as given to extract and train. weights: NULL where layer is "input".
 * normalize: NULL for the rule: presets keras and torchvision define all steps from file to tensor, so they
 * mean caffe and torch; with vips, the normalisation is the one the weights were trained with (without
 * weights: caffe). side is 1 … 4096; the precision is float32 until it is set. NULL and error where the layer is
 * unknown or the image too small for it. */
FeatureSpec *feature_spec_new(const Weights *weights, Preset preset, const Normalization *normalize, int side,
                              const char *layer, GError **error);

/* Fills in the tiles for these weights by measuring (tiles_choose), with so many threads, once the precision is set; how
 * long that took is a debug message. Of features that are there already (of a cache, say), their own tiles are taken
 * instead, so that what belongs together stays so. weights: NULL where no base runs. */
void feature_spec_choose_tiles(FeatureSpec *spec, const Weights *weights, guint threads);

/* m of F(m x m) of each convolution of the base, as it is run; 0 behind the layer, and where no base runs. */
void feature_spec_tiles(const FeatureSpec *spec, int m[VGG16_CONVS]);

FeatureSpec *feature_spec_copy(const FeatureSpec *spec);
void feature_spec_free(FeatureSpec *spec);
gsize feature_spec_features(const FeatureSpec *spec); /* D */

json_t *feature_spec_to_json(const FeatureSpec *spec); /* new reference */
/* Every field checked. Files written before there was a choice of precision or tiles have no entry for it: float32, and
 * the tiles of that time. */
FeatureSpec *feature_spec_from_json(const json_t *object, GError **error);

/* NULL where both give the same vectors; else the first difference as a clause, such as
 * "its preset is keras, not vips". Caller frees. */
char *feature_spec_difference(const FeatureSpec *its, const FeatureSpec *wanted);

/* The same for the tiles of the convolutions that both run, and nothing else. */
char *feature_spec_rounding_difference(const FeatureSpec *its, const FeatureSpec *wanted);

/* Adds everything that the vectors depend on to a checksum. */
void feature_spec_identify(const FeatureSpec *spec, GChecksum *sum);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeatureSpec, feature_spec_free)
