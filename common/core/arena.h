/* arena: one piece of memory for all arrays of a run. What needs arrays is built twice by the same function: once with an
 * arena that measures, once with one that hands them out, so that what is told of a run is what it takes. */
#pragma once
#include <glib.h>

typedef struct {
    float *block; /* NULL: it measures */
    gsize floats; /* in the block, or measured so far */
    gsize taken;  /* floats handed out */
    gsize beside; /* bytes that a run allocates and frees by itself, in addition */
} Arena;

/* An array of zeros, aligned to 64 bytes, valid until arena_clear; NULL while the arena measures. */
float *arena_floats(Arena *arena, gsize count);

/* Ends measuring: from now on arrays are handed out, in the same order. FALSE if there is not enough memory. */
gboolean arena_try_take(Arena *arena);
void arena_take(Arena *arena); /* aborts instead */

gsize arena_bytes(const Arena *arena); /* measured, with what is allocated beside */
void arena_clear(Arena *arena);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arena, arena_clear)
