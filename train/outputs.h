/* outputs: checks the files that train reads and writes. */
#pragma once
#include "train/options.h"

/* To be called before any work: FALSE and error if an output would overwrite an input (common/cli/output_plan.h).
 * Disables the checkpoint if MODEL is not a regular file, as there is no place for it. */
gboolean train_outputs_check(TrainOptions *options, GError **error);
