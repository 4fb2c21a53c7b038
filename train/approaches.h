/* approaches: the ways to train, one file each. They print the summary, the figures and what was kept on
 * stdout; FALSE with a sentence where they fail, and what they had finished by then stays in the model file.
 */
#pragma once
#include "train/options.h"

/* Every approach with --head dense. */
gboolean train_network(const TrainOptions *options, GError **error);

/* --approach standalone --head linear: liblinear on the features of a cache. */
gboolean train_standalone_linear(const TrainOptions *options, GError **error);
