/* outputs: which files extract reads and writes, other than the cache itself. */
#pragma once
#include "extract/options.h"

/* Before any work: FALSE with a sentence where an output would do harm (common/core/output_plan.h). */
gboolean extract_outputs_check(const Options *options, GError **error);
