/* training_memory: what fitting a network needs of memory. */
#pragma once
#include "train/data/training_data.h"

/* Tells the sum of what the rows come from and what training takes, before any of it is taken; FALSE with a sentence
 * where it is not there, and the settings that fit. data: not loaded yet. */
gboolean training_memory_check(const TrainingData *data, const TrainOptions *options, GError **error);
