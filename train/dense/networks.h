/* networks: every approach with --head dense. */
#pragma once
#include "train/options.h"

/* Prints the summary, an epoch a line and what was kept on stdout. STATUS_FAILED comes with a sentence, and what was
 * finished by then stays in the model file; STATUS_SKIPPED means that some images could not be used. */
Status train_network(const TrainOptions *options, GError **error);
