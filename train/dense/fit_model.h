/* fit_model: what the approaches that fit a network share: the head's layers, the summary, the memory
 * needed, the settings in the model file, saving the best model, and reporting how training ended. */
#pragma once
#include "common/model/model.h"
#include "train/dense/fit.h"
#include "train/options.h"

/* flatten, --hidden with ReLU, dropout, dense with softmax. The output layer has one unit per class. */
gboolean append_head(Network *network, const TrainOptions *options, int classes, GError **error);

/* Prints the model's summary and the memory that training needs, and fails with a sentence if that much is
 * not available; with --summary it only prints. Call it before the parameters are filled: until then they
 * take no memory. */
gboolean fit_model_begin(const Model *model, const TrainOptions *options, GError **error);

/* Fits model->network, printing a line per epoch, and saves the best model to options->model. data: a hash
 * that identifies the samples, for --resume. model->training receives the settings and the history. FALSE
 * with a sentence if it fails or was interrupted: the best model so far is in the file then. */
gboolean fit_model(Model *model, const TrainOptions *options, const BatchSource *training,
                   const BatchSource *validation, const char *data, GError **error);
