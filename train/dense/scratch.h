/* scratch: the study's own CNN, which learns from nothing: for comparison. */
#pragma once
#include "common/network/network.h"

enum { SCRATCH_SIDE = 128 }; /* of its square input images, whose values are 0 … 1 */

/* Appends its layers to a network of that input. dropout: the rate of all its dropout layers. */
gboolean scratch_layers(Network *network, float dropout, int classes, GError **error);
