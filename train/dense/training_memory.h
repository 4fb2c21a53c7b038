/* training_memory: what fitting a network needs of memory. */
#pragma once
#include "train/data/training_data.h"

/* Reports the sum of what the data source and training take before any of it is taken; FALSE with a sentence, and the
 * settings that would fit, if there is not enough. data: not loaded yet. */
gboolean training_memory_check(const TrainingData *data, const TrainOptions *options, GError **error);
