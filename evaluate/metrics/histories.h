/* histories: how long models trained, from the files that train --history wrote; model files do not record it, so that
 * equal runs give equal files. */
#pragma once
#include "evaluate/metrics/evaluation.h"

/* Sets train_seconds of each evaluation from "A.csv,B.csv,…", in their order; an empty name leaves it as it is. FALSE
 * and error where there are not as many names as models, or a file does not have the column "seconds". */
gboolean histories_read(const char *list, const Comparison *comparison, GError **error);
