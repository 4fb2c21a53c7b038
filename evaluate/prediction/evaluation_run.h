/* evaluation_run: what the models of a comparison predict for images, from a cache (no image is opened) or from a folder
 * of images. A model that does not fit them is refused in a sentence. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* Fills in the comparison's images and what its models say of them; or, if unknown, of images of no class: any in the
 * cache, or in the folder at any depth. Images that could not be used are named on stderr and in skipped. FALSE and error
 * if a model does not fit, or something cannot be read. */
gboolean evaluation_run(Comparison *comparison, const ImageChoice *choice, gboolean unknown, GError **error);
