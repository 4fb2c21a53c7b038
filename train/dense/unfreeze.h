/* unfreeze: the layers at the end of VGG16's base that are trained together with the head, and warm starts
 * from a trained head. */
#pragma once
#include "common/model/model.h"
#include "common/network/network.h"
#include "common/vgg16/feature_spec.h"
#include "common/vgg16/weights.h"

/* Copies the kernels and biases of a network's layers of the base. */
void unfreeze_parameters(Network *network, const Weights *weights);

/* The scaling that a network which starts from this model has, as parameters cannot take its place: by image, or none. */
ScalingKind warm_start_scale(const Model *from);

/* Copies the parameters of a model, read from the file at path, into the model's layers of the same names: a dense or
 * linear head trained on features of the same base, with or without layers of the base. Its scaling by --scale max or
 * standard goes into the first dense layer, as the network takes features without it, and the temperature of its
 * calibration into the last: its probabilities are the softmax of what the network gives. FALSE with a sentence if the
 * model has another base or other classes, or lacks one of the network's dense layers in this shape. The images that model
 * was trained on count as training images of this one. */
gboolean warm_start(Model *model, const Model *from, const char *path, GError **error);
