/* outputs: which files evaluate reads and writes. */
#pragma once
#include "evaluate/options.h"

/* Before any work: FALSE with a sentence where an output would do harm (common/core/output_plan.h). */
gboolean evaluate_outputs_check(const Options *options, GError **error);
