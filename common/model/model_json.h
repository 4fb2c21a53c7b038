/* model_json: networks and scalings as JSON; private to common/model.
 *
 * The readers check every field; they return NULL and an error without the file's name if one is missing, unknown or
 * out of bounds. Parameters are not included: those of a network just read are zero. */
#pragma once
#include "common/model/scaling.h"
#include "common/network/network.h"

const char *activation_name(Activation activation); /* Keras's, such as "relu" */

json_t *network_to_json(const Network *network); /* new reference */
Network *network_from_json(json_t *object, GError **error);

json_t *scaling_to_json(const Scaling *scaling); /* new reference; without mean and inverse */
Scaling *scaling_from_json(json_t *object, gsize features, GError **error);
