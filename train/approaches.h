/* approaches: the ways to train. They print the summary, the figures and what was kept on stdout.
 * STATUS_FAILED comes with a sentence, and what they had finished by then stays in the model file;
 * STATUS_SKIPPED means that some images could not be used. */
#pragma once
#include "train/options.h"

/* Every approach with --head dense. */
Status train_network(const TrainOptions *options, GError **error);

/* --approach standalone --head linear: liblinear on the features of a cache. */
Status train_standalone_linear(const TrainOptions *options, GError **error);
