/* extraction_memory: what extracting images needs of memory. */
#pragma once
#include "extract/options.h"

/* Tells it, before anything of it is taken; FALSE with a sentence where it is not there. */
gboolean extraction_memory_check(const Options *options, GError **error);
