/* spill: a large array of bytes in an unnamed, mapped file: it stays in memory if there is enough, and is otherwise
 * written to this file rather than to swap. */
#pragma once
#include <glib.h>

/* An array of zeros in the folder of the file `beside`. Its space is reserved immediately: NULL and error if the disk
 * is too full, or there is no address space to map it. */
void *spill_new(const char *beside, gsize bytes, GError **error);
void spill_free(void *bytes, gsize size); /* NULL allowed */
