/* fit_model: what the approaches that fit a network have in common: the head's layers, the summary, the
 * memory it takes, the settings in the model file, the model written whenever it is the best, and the words
 * for how it ended. */
#pragma once
#include "common/model/model.h"
#include "train/dense/fit.h"
#include "train/options.h"

/* flatten, --hidden with ReLU, dropout, dense with softmax. The output has one unit a class. */
gboolean append_head(Network *network, const TrainOptions *options, int classes, GError **error);

/* Prints the model's summary, says how much memory training it takes, and refuses in a sentence where that is
 * not there; with --summary it only prints. To be called before the parameters are filled: until then they
 * take no memory. */
gboolean fit_model_begin(const Model *model, const TrainOptions *options, GError **error);

/* Fits model->network, prints an epoch line each and what was kept in options->model. data: tells the samples
 * apart (a hash of them), for --resume. model->training gets the settings and the history. FALSE with a
 * sentence where it fails or was interrupted: then the best model so far is in the file. */
gboolean fit_model(Model *model, const TrainOptions *options, const BatchSource *training,
                   const BatchSource *validation, const char *data, GError **error);
