/* approaches: the ways to train, one file each. They print the summary, the figures and what was kept on
 * stdout; FALSE with a sentence where they fail, and what they had finished by then stays in the model file.
 */
#pragma once
#include "train/options.h"

/* --approach standalone --head dense: a dense head on the features of a cache. */
gboolean train_standalone_dense(const TrainOptions *options, GError **error);

/* --approach standalone --head linear: liblinear on the features of a cache. */
gboolean train_standalone_linear(const TrainOptions *options, GError **error);
