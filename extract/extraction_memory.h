/* extraction_memory: the memory that extracting images needs. */
#pragma once
#include "extract/options.h"

/* Reports it before any is allocated; FALSE and error if there is not enough. */
gboolean extraction_memory_check(const Options *options, GError **error);
