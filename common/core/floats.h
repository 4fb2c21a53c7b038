/* floats: arrays of float for vector code: zeroed, aligned to 64 bytes, large ones in huge pages if the kernel
 * allows; one at a time, or all of a run's from an arena. */
#pragma once
#include <glib.h>

#define FLOATS_ALIGNMENT ((gsize)2 << 20) /* of large ones: more address space than floats */

/* Pages take no memory until they are touched. Aborts if there is not enough. */
float *floats_new(gsize count);
void floats_free(float *floats); /* NULL allowed */

enum { FLOATS_LINE = 64 / sizeof(float) }; /* of a cache line */

/* Rounded up to whole cache lines. */
static inline gsize floats_whole_lines(gsize count)
{
    return (count + FLOATS_LINE - 1) / FLOATS_LINE * FLOATS_LINE;
}

/* Ascending; none is NaN. */
void floats_sort(float *values, gsize n);
void doubles_sort(double *values, gsize n);

gsize floats_finite(const float *values, gsize n); /* how many are finite before the first that is not */

/* ---- Arenas ---- */

enum {
    ARENA_SCRATCH,     /* the shared array of whoever needs one during a call only */
    ARENA_SHARED = 10, /* shared arrays; those who build a run number the others */
};

/* One piece of memory for all arrays of a run. What needs arrays is built twice by the same function: once with an
 * arena that measures, once with one that hands them out, so that what is told of a run is what it takes. */
typedef struct {
    float *block;               /* NULL: it measures */
    gsize floats;               /* in the block */
    gsize taken;                /* floats handed out, or measured so far */
    gsize shared[ARENA_SHARED]; /* floats of each shared array */
} Arena;

/* An array of zeros, aligned to 64 bytes, valid until arena_clear; NULL while the arena measures. */
float *arena_floats(Arena *arena, gsize count);
/* The same of another type. */
#define arena_new(arena, type, count)                                                                        \
    ((type *)arena_floats(arena, ((gsize)(count) * sizeof(type) + sizeof(float) - 1) / sizeof(float)))

/* The shared array of this number, which is as long as the longest that is asked for: for those that need it one after
 * another, and find in it what the one before left. */
float *arena_shared(Arena *arena, guint number, gsize count);

/* Ends measuring: from now on arrays are handed out, in the same order. FALSE if there is not enough memory: it
 * still measures. */
gboolean arena_try_take(Arena *arena);
void arena_take(Arena *arena); /* aborts instead */
/* The same in the memory of an arena that is done with, where that is enough: its arrays are then not zeros. Clears that
 * one. */
void arena_take_from(Arena *arena, Arena *done);

/* What `new`, an expression that takes from the arena, gives: evaluated twice, once measured and freed by `discard`, once
 * with the arena taken. */
#define arena_build(arena, discard, new)     (discard(new), arena_take(arena), (new))
#define arena_try_build(arena, discard, new) (discard(new), arena_try_take(arena) ? (new) : NULL)

gsize arena_bytes(const Arena *arena); /* measured */
void arena_clear(Arena *arena);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Arena, arena_clear)
