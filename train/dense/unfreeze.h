/* unfreeze: the layers at the end of VGG16's base that learn with the head, and a head to start from. */
#pragma once
#include "common/network/network.h"
#include "common/vgg16/feature_spec.h"
#include "common/vgg16/weights.h"

/* Appends the layers behind `cut` (index in vgg16_layers) to block5_pool, by Keras's names; parameters zero. */
gboolean unfreeze_layers(Network *network, int cut, GError **error);

/* Their kernels and biases from the base's. */
void unfreeze_parameters(Network *network, const Weights *weights);

/* Copies the parameters of the model file at path into the layers of the same names: a head trained on the
 * features of the same base, or such a head with layers of the base. FALSE with a sentence where the model is
 * not of this base and these classes, or one of network's dense layers is not in it with this shape. */
gboolean warm_start(Network *network, const FeatureSpec *spec, const GPtrArray *classes, const char *path,
                    GError **error);
