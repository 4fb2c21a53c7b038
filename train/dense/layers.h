/* layers: the network of each approach. */
#pragma once
#include "common/network/network.h"
#include "common/vgg16/feature_spec.h"
#include "train/options.h"

/* Appends to a network whose input is what spec says: standalone and bootstrap, the head (flatten, --hidden with ReLU,
 * dropout, dense with softmax); finetune, the layers of the base behind spec's, --pool and the head; scratch, the study's own.
 * The output layer has one unit per class. */
gboolean layers_append(Network *network, const FeatureSpec *spec, const NetworkChoice *choice, int classes,
                       GError **error);

enum { SCRATCH_SIDE = 128 }; /* of the square input images of scratch, whose values are 0 … 1 */

/* Appends the layers of scratch to a network with that input. dropout: the rate of all its dropout layers. */
gboolean scratch_layers(Network *network, float dropout, int classes, GError **error);
