/* training_memory: the memory that training a network needs. */
#pragma once
#include "train/data/training_data.h"

/* Reports the memory of data source and training before any is allocated; if there is not enough, FALSE and an
 * error with the settings that would fit. data: not loaded yet. */
gboolean training_memory_check(const TrainingData *data, const TrainOptions *options, GError **error);
