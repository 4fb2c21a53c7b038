/* spill: a large array of bytes in an unnamed, mapped file: it stays in memory while there is room, and is written to
 * disk rather than to swap when there is not. */
#pragma once
#include <glib.h>

/* Zeros, in the folder of the file `beside`. The space is reserved at once: NULL with a sentence if the
 * disk is too full. */
void *spill_new(const char *beside, gsize bytes, GError **error);
void spill_free(void *bytes, gsize size); /* NULL allowed */
