/* keras_config: a model as the description that keras.models.load_model() builds it from; private to common/model.
 *
 * Keras's JSON of a Sequential (keras/src/saving/serialization_lib.py): the input, the scaling of its vectors as a layer of
 * Keras's own, the network's layers, and what turns the outputs into probabilities. The scaling stands behind Flatten, as it
 * is of whole vectors:
 *
 *     none       nothing                               standard   Normalization, its numbers within the description
 *     max        Rescaling                             l2         UnitNormalization
 *     sqrt       Activation of keras.ops.sqrt, then UnitNormalization: features below 0, which the base has none of,
 *                give NaN there
 *
 * Where the base learns, l2 and sqrt are a layer of the network, which becomes the same.
 * Calibrated: Rescaling by 1 / temperature, then softmax, in the place of a last softmax. Sigmoids: softmax of
 * log sigmoid(z), which is each sigmoid divided by their sum. */
#pragma once
#include "common/model/model.h"

/* New reference. Parameters are not in it, but for those of the scaling. */
json_t *keras_config(const Model *model);
