/* outputs: checks the files that evaluate reads and writes. */
#pragma once
#include "evaluate/options.h"

/* To be called before any work: FALSE and error if an output would overwrite an input (common/cli/output_plan.h). */
gboolean evaluate_outputs_check(const Options *options, GError **error);
