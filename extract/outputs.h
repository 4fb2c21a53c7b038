/* outputs: checks the files that extract reads and writes, other than the cache itself. */
#pragma once
#include "extract/options.h"

/* To be called before any work: FALSE and error if an output would overwrite an input (common/cli/output_plan.h). */
gboolean extract_outputs_check(const Options *options, GError **error);
