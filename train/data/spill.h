/* spill: a large array of bytes in an unnamed file that is mapped: it lives in memory where there is room,
 * and goes to disk instead of the swap where there is not. */
#pragma once
#include <glib.h>

/* Zeros, in the folder of the file `beside`. The room is taken at once: NULL with a sentence where the disk
 * has no such. */
void *spill_new(const char *beside, gsize bytes, GError **error);
void spill_free(void *bytes, gsize size); /* NULL allowed */
