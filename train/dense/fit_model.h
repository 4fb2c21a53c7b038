/* fit_model: what the approaches that fit a network share: the settings in the model file, saving the best model, and
 * reporting how the training ended. */
#pragma once
#include "common/model/model.h"
#include "train/data/training_data.h"
#include "train/dense/fit.h"

/* Fits model->network to the data, printing a line per epoch, and saves the best model. model->training receives the
 * settings and the history. FALSE with a sentence if it fails or was interrupted: the best model so far is in the file
 * then. */
gboolean fit_model(Model *model, const TrainOptions *options, const TrainingData *data,
                   ThreadPool *thread_pool, GError **error);
