/* scratch: the study's CNN trained from scratch, for comparison. */
#pragma once
#include "common/network/network.h"

enum { SCRATCH_SIDE = 128 }; /* of its square input images, whose values are 0 … 1 */

/* Appends its layers to a network with that input. dropout: the rate of all its dropout layers. */
gboolean scratch_layers(Network *network, float dropout, int classes, GError **error);
