/* model_json: networks and scalings as JSON; private to common/model.
 *
 * The readers check every field; they return NULL and an error without the file's name if one is missing, unknown or
 * out of bounds. Parameters are not included: those of a network just read are zero. */
#pragma once
#include "common/model/model.h"

/* Beside its kind and name, and with this activation. New reference. */
json_t *layer_settings(const Layer *layer, Activation activation);

json_t *network_to_json(const Network *network); /* new reference */
Network *network_from_json(json_t *object, GError **error);

json_t *scaling_to_json(const Scaling *scaling); /* new reference; without mean and inverse */
Scaling *scaling_from_json(json_t *object, gsize features, GError **error);

/* ---- keras_config.c: a model as the description that keras.models.load_model() builds it from. ----
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

/* New reference. Parameters are not in it, but for those of the scaling. */
json_t *keras_config(const Model *model);
