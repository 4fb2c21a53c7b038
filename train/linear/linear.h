/* linear: --approach standalone --head linear, liblinear on the features of a cache. */
#pragma once
#include "train/options.h"

/* Prints the summary, the metrics and what was kept on stdout. STATUS_FAILED comes with a sentence. */
Status train_standalone_linear(const TrainOptions *options, GError **error);
