/* weights_find: finds the published weights if the user does not name a file. */
#pragma once
#include "common/vgg16/weights.h"

#define WEIGHTS_PUBLISHED "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"

/* Keras's no-top file in weights/ below the working folder (where `make weights` puts it), else in ~/.keras/models (where
 * Keras does). NULL where it is in neither. Caller frees. */
char *weights_find(void);

/* weights_load of `from`, or where that is NULL of what weights_find finds, if `cut` is not of the top. Seeded ones are
 * announced on stderr. */
Weights *weights_open(const char *from, int cut, GError **error);
