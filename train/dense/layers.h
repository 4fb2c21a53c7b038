/* layers: the network of each approach. */
#pragma once
#include "common/network/network.h"
#include "common/vgg16/feature_spec.h"
#include "train/options.h"

/* Appends to a network whose input is what spec says: standalone and bootstrap, the head (flatten, --hidden with ReLU,
 * dropout, dense with softmax); finetune, the layers of the base behind spec's, --pool and the head; scratch, the study's own.
 * The output layer has one unit per class. */
gboolean layers_append(Network *network, const FeatureSpec *spec, const TrainOptions *options, int classes,
                       GError **error);
