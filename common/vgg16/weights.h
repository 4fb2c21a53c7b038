/* weights: the trained (or seeded) kernels of the VGG16 base, from a file or a seed.
 *
 * Reads Keras HDF5 (no-top, full file, whole model, also nested in another model; the layouts of Keras 1 to 3, and Keras
 * 3's .keras) and safetensors with torchvision's names. Every tensor is there, has the shape of vgg16_layers and is
 * finite, or the load fails with one sentence. Numbers of 16 and 64 bits become float32. */
#pragma once
#include "common/core/memory.h"
#include "common/image/image.h"
#include "common/vgg16/vgg16.h"

typedef struct {
    int last;         /* of vgg16_layers that it has: of the base, or further with the top */
    Network *network; /* these layers, with their parameters */
    char *source;     /* the file's base name, or "random:SEED" */
    /* SHA-256, hex, over kernel 0 (HWIO), bias 0, kernel 1, … of the base, and up to each layer of the top, as little-endian
     * float32: the same weights have the same hash whichever file format they came in */
    char hashes[1 + VGG16_ALL - VGG16_LAYERS][65];
    Normalization normalization; /* what this kind of file was trained with: Keras caffe, torchvision torch,
                                    random caffe */
    gboolean seeded;             /* random:SEED, not trained: whoever loads it says so on stderr */
} Weights;

/* Files that have the top: for messages. */
#define WEIGHTS_FULL "Keras's vgg16_weights_tf_dim_ordering_tf_kernels.h5 or torchvision's as safetensors"

/* He's start keeps the scale of its input, and caffe-normalised pixels vary by about 64: the seeded
 * block1_conv1 takes it out, so that seeded features have the scale that heads and their default learning
 * rates are made for. */
enum { WEIGHTS_PIXEL_SCALE = 64 };

/* The layers of the base, and further ones up to index `cut`. from: a path, or "random", "random:SEED" (seed 0 by default):
 * kernels He-normal (He et al. 2015, std = sqrt(2 / (9 C)), or sqrt(2 / D); block1_conv1's over WEIGHTS_PIXEL_SCALE), biases
 * U[0, 0.02). Of kernel i, it is drawn from rng_new(SEED, 2 i), in the order of HWIO, as (float)(std * rng_normal()), the
 * bias from rng_new(SEED, 2 i + 1) as (float)(0.02 * rng_uniform()). NULL and error set where it fails. */
Weights *weights_load(const char *from, int cut, GError **error);
gboolean weights_are_seeded(const char *from); /* from is "random" or "random:SEED" */
void weights_free(Weights *weights);

Layer *weights_layer(const Weights *weights, int index); /* index: of vgg16_layers */

#define WEIGHTS_PUBLISHED "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"

/* Keras's no-top file in weights/ below the working folder (where `make weights` puts it), else in ~/.keras/models (where
 * Keras does). NULL where it is in neither. Caller frees. */
char *weights_find(void);

/* weights_load of `from`, or where that is NULL of what weights_find finds, if `cut` is not of the top. Seeded ones are
 * announced on stderr. */
Weights *weights_open(const char *from, int cut, GError **error);

/* Of the layers that features of layer `cut` depend on. */
const char *weights_hash(const Weights *weights, int cut);

MemoryNeed weights_memory(int cut); /* as weights_load takes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Weights, weights_free)
