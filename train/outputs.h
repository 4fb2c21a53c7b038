/* outputs: which files train reads and writes. */
#pragma once
#include "train/options.h"

/* Before any work: FALSE with a sentence where an output would do harm (common/core/output_plan.h). Turns the
 * checkpoint off if MODEL is not a regular file, as there is nowhere to put it. */
gboolean train_outputs_check(TrainOptions *options, GError **error);
