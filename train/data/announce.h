/* announce: what is about to be trained. */
#pragma once
#include "train/options.h"

/* A remark before the training: of how many images, how many more validate, and how much the files of this many
 * parameters will take. shape: of a cache's vectors, of which the model keeps some (novelty.h); NULL: of none. */
void train_announce(const TrainOptions *options, guint images, guint validation, gsize parameters,
                    const int *shape);
