/* fit_model: what the approaches that fit a network share: the settings in the model file, saving the best model, and
 * reporting how the training ended. */
#pragma once
#include "common/model/model.h"
#include "train/dense/fit.h"
#include "train/options.h"

/* Fits model->network, printing a line per epoch, and saves the best model to options->model. data: a hash
 * that identifies the images, for --resume. model->training receives the settings and the history. FALSE
 * with a sentence if it fails or was interrupted: the best model so far is in the file then. */
gboolean fit_model(Model *model, const TrainOptions *options, const BatchSource *training,
                   const BatchSource *validation, const char *data, ThreadPool *thread_pool, GError **error);
